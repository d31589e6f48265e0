"""Tilewright generates, proves, models and schedules edge-AI accelerators.

``import tilewright as tw`` gives the names of ``__init__.pyi``, each imported when it is first used; docs/api.md
describes them.
"""

import importlib
import re
from functools import cache
from pathlib import Path

__version__ = "0.1.0"


@cache
def _modules() -> dict[str, str]:
    """Return the module of each public name, as the stub that type checkers and editors read has it."""
    stub = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    return {name: module for module, name in re.findall(r"^from (\S+) import (\w+) as \2$", stub, re.MULTILINE)}


def __getattr__(name: str) -> object:
    if name.startswith("_") or name not in _modules():
        raise AttributeError(f"module 'tilewright' has no attribute '{name}'")
    value = getattr(importlib.import_module(_modules()[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return ["__version__", *_modules()]
