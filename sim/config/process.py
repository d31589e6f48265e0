"""Processes of manufacture in which area, leakage and energies of our own RTL were measured.

Each has a folder of TOML files: ``process.toml`` says which process, voltage and temperature; the other files hold what
was measured there.
"""

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tilewright.base.errors import ConfigError, suggest

from .base import Frozen
from .load import PRESETS, load_description

FOLDER = PRESETS / "process"


class Process(Frozen):
    """A process, and the conditions of all figures that were measured in it."""

    description: str
    """Maker of the process, its size, and whether anybody can manufacture in it."""
    node_nm: Annotated[float, Field(gt=0, le=1000)]
    """Name of the process as a length."""
    voltage_v: Annotated[float, Field(gt=0, le=10)]
    """Supply voltage of cells and memories."""
    temperature_c: Annotated[float, Field(ge=-273, le=400)]
    """Temperature of the cells."""
    source: Annotated[str, Field(min_length=1)]
    """Files that state the cells, and their licence."""


def process_names() -> list[str]:
    """Return the names of the processes that come with Tilewright."""
    return sorted(path.parent.name for path in FOLDER.glob("*/process.toml"))


def check_process(name: str) -> None:
    """Refuse a name that no process has.

    Raises
    ------
    ConfigError
        If there is no such process; names those that there are.
    """
    if name not in process_names():
        raise ConfigError(f"{name!r} is not allowed{suggest(name, process_names())}")


def process_file(name: str, file: str) -> Path:
    """Return the path of a file of a process; the file need not exist.

    Raises
    ------
    ConfigError
        If there is no such process.
    """
    check_process(name)
    return FOLDER / name / file


@cache
def load_process(name: str) -> Process:
    """Return the process of a name.

    Raises
    ------
    ConfigError
        If there is no such process.
    """
    return load_description(Process, process_file(name, "process.toml"), FOLDER, "process")
