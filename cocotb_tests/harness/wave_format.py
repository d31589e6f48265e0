"""The forms of wave files, and which of them this machine can write."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from tilewright.base.errors import ToolError
from tilewright.base.processes import Processes
from tilewright.base.tools import Tool, find_compiler, find_verilator

WaveFormat = Literal["fst", "vcd"]
WRITER = "verilated_fst_c.cpp"
"""The part of Verilator's runtime that writes FST."""
HOW_TO_GET_FST = "FST, a smaller form, needs the headers of zlib and LZ4 (Debian: `apt install zlib1g-dev liblz4-dev`)"


@cache
def wave_format() -> WaveFormat:
    """Return ``fst`` if the compiler finds all that Verilator's writer of FST includes, else ``vcd``.

    Raises
    ------
    ConfigError
        If there is no Verilator or no C++ compiler.
    """
    verilator, compiler = find_verilator(), find_compiler()
    with TemporaryDirectory(prefix="tilewright-") as name:
        include = _root(verilator, Path(name)) / "include"
        # Which libraries these are depends on the version: the preprocessor looks for them.
        command = [*compiler.command, "-E", f"-I{include}", f"-I{include / 'vltstd'}", str(include / WRITER)]
        ended = Processes().run([*command, "-o", "preprocessed"], folder=Path(name))
    return "vcd" if ended.status else "fst"


def format_of(file: Path) -> WaveFormat:
    """Return the form that the suffix of a wave file stands for."""
    return "fst" if file.suffix == ".fst" else "vcd"


def _root(verilator: Tool, folder: Path) -> Path:
    if root := dict(verilator.environment).get("VERILATOR_ROOT"):
        return Path(root)
    ended = Processes().run([*verilator.command, "--getenv", "VERILATOR_ROOT"], folder=folder)
    if ended.status:
        raise ToolError("Verilator does not say its VERILATOR_ROOT", ended.output, verilator.name)
    return Path(ended.output.strip())
