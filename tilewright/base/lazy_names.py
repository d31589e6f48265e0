"""Names of a package that are imported when they are first used, as the stub beside it lists them."""

import importlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path


def lazy_names(package: str, file: str, *others: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package, file : str
        Name of the package and path of its ``__init__.py``. Type checkers and editors read the ``__init__.pyi`` beside
        it, in which each line ``from MODULE import NAME as NAME`` makes a public name.
    others : str
        Names that are there already.
    """

    @cache
    def modules() -> dict[str, str]:
        stub = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
        return {name: module for module, name in re.findall(r"^from (\S+) import (\w+) as \2$", stub, re.MULTILINE)}

    def get(name: str) -> object:
        if name.startswith("_") or name not in modules():
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(importlib.import_module(modules()[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: [*others, *modules()]
