"""Measures the cost of a Verilog module with one fixed flow, so that figures of different designs compare.

Each part runs its own tools on its own copy of the text and knows nothing of the other parts:

- ``fpga``: look-up tables and flip-flops after ``synth_xilinx`` for UltraScale+, without DSP blocks.
- ``cells``: generic cells (gates of two inputs, multiplexers, flip-flops) after ``synth``, before any mapping.
- ``area``: cell area after mapping to a liberty file.
- ``timing``: longest combinational path after mapping by Berkeley ABC. No wire load, clock-to-output or set-up time.
- ``power``: OpenSTA on a mapped netlist, see :mod:`tilewright.hw.synth.power`.

Yosys chooses among equal mappings by the order of its input: the same function written in another way may differ by
a few per cent.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.reading import read_bytes
from tilewright.base.tools import SynthesisTools, Tool
from tilewright.hw.synth import power
from tilewright.hw.synth.run import run_abc, run_yosys

MAX_LIBERTY_BYTES = 256 << 20
"""Size of the largest liberty file; those of real libraries have some ten MB."""
PARTS = ("fpga", "cells", "area", "timing", "power")

GENERIC = "read_verilog design.v; synth -flatten -top {top}"
FPGA_SCRIPT = (
    "read_verilog design.v; synth_xilinx -family xcup -nodsp -noiopad -noclkbuf -flatten -top {top}; "
    "tee -q -o stat.json stat -json"
)
CELLS_SCRIPT = f"{GENERIC}; tee -q -o stat.json stat -json"
AREA_SCRIPT = (
    f"{GENERIC}; dfflibmap -liberty cells.lib; abc -liberty cells.lib; opt_clean -purge; "
    "tee -q -o stat.json stat -json -liberty cells.lib"
)
POWER_SCRIPT = f"{GENERIC}; {power.MAP}; opt_clean -purge; {power.WRITE}"
# Amaranth gives every register a power-up value, which dfflegalize refuses and a path does not depend on.
TIMING_SCRIPT = (
    f"{GENERIC}; chformal -remove; async2sync; setattr -unset init w:*; "
    "dfflegalize -cell $_DFF_P_ x; opt_clean -purge; write_blif design.blif"
)
ABC_SCRIPT = (
    "read_lib -w cells.lib; read_blif design.blif; strash; &get -n; &fraig -x; &put; scorr; dc2; strash; dch -f; "
    "map -B 0.9 -D 1; topo; buffer -c; topo; upsize -D 1; dnsize -D 1; stime"
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of a design; a field is ``None`` if its part was not asked for or lacks a tool."""

    lut: int | None = None
    """Number of LUT1 to LUT6; memory made of look-up tables is not among them, see ``primitives``."""
    ff: int | None = None
    cells: int | None = None
    area_um2: float | None = None
    """Cell area in the unit of the liberty file, which is µm² in nearly all of them."""
    path_ns: float | None = None
    power_uw: float | None = None
    """Power at ``power.CLOCK_MHZ``, with each data input changing in ``power.ACTIVITY`` of the cycles."""
    primitives: Mapping[str, int] = field(default_factory=dict)
    """Number of each FPGA primitive."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Reason for each part whose optional tool failed."""


Remember = Callable[[list[str], Callable[[], dict]], dict]
"""Function that takes everything on which a result depends, and a function that computes it; returns the kept or the
new result."""


def anew(inputs: list[str], make: Callable[[], dict]) -> dict:
    """Compute a result without keeping it."""
    return make()


def cost(
    verilog: str, top: str, tools: SynthesisTools, *, parts: Iterable[str] = PARTS, remember: Remember = anew
) -> Cost:
    """Return the cost of module ``top`` of ``verilog``.

    A part whose optional tool or liberty file is absent from ``tools``, or whose optional tool fails, is left out.
    ``remember`` may keep results: ``tilewright.base.cache.remember("synth")`` does, between processes.

    Raises
    ------
    ConfigError
        If there is no such part, or the liberty file is none.
    ToolError
        If Yosys fails.
    """
    job = _Job(verilog, top, tools)
    figures: dict = {}
    failed: dict[str, str] = {}
    for part in dict.fromkeys(parts):
        if part not in PARTS:
            raise ConfigError(f"unknown part of synthesis '{part}': one of {', '.join(PARTS)}")
        try:
            figures |= job.figures(part, remember)
        except ToolError as error:
            if error.tool == tools.yosys.name:
                raise
            failed[part] = str(error)
    return Cost(**figures, failed=failed)


def read_liberty(path: Path) -> bytes:
    """Return the content of a liberty file.

    Raises
    ------
    ConfigError
        If it cannot be read or does not start a library.
    """
    try:
        content = read_bytes(path, MAX_LIBERTY_BYTES)
    except ConfigError as error:
        raise ConfigError(f"liberty file {error}") from error
    start = re.sub(rb"/\*.*?\*/|//[^\n]*", b"", content[:100_000], flags=re.DOTALL).lstrip()
    if not re.match(rb"library\s*\(", start):
        raise ConfigError(f"{path}: not a liberty file: it must start with 'library (name) {{'")
    return content


@dataclass(frozen=True)
class _Job:
    verilog: str
    top: str
    tools: SynthesisTools

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", self.top):
            raise ConfigError(f"top module '{self.top}': must be a plain Verilog name")

    @cached_property
    def liberty(self) -> bytes | None:
        return read_liberty(self.tools.liberty) if self.tools.liberty else None

    def figures(self, part: str, remember: Remember) -> dict:
        """Return the fields of :class:`Cost` that a part fills; nothing if it lacks a tool."""
        yosys, abc, sta, liberty = self.tools.yosys, self.tools.abc, self.tools.sta, self.liberty
        make: Callable[[Path], dict]
        scripts: tuple[str, ...]
        if part == "fpga":
            scripts, programs, make = (FPGA_SCRIPT,), [yosys], self._fpga
        elif part == "cells":
            scripts, programs, make = (CELLS_SCRIPT,), [yosys], self._cells
        elif not liberty:
            return {}
        elif part == "area":
            scripts, programs, make = (AREA_SCRIPT,), [yosys], self._area
        elif part == "timing":
            if abc is None:
                return {}
            scripts, programs, make = (TIMING_SCRIPT, ABC_SCRIPT), [yosys, abc], partial(self._timing, abc)
        else:
            if sta is None:
                return {}
            scripts, programs, make = (POWER_SCRIPT, power.FLOW), [yosys, sta], partial(self._power, sta)
        mapped = part not in ("fpga", "cells")
        library = hashlib.sha256(liberty).hexdigest() if liberty and mapped else ""
        versions = [f"{program.name} {program.version}" for program in programs]
        return remember([part, self.top, self.verilog, *scripts, *versions, library], lambda: self._in_folder(make))

    def _in_folder(self, make: Callable[[Path], dict]) -> dict:
        with TemporaryDirectory(prefix="tilewright-synth-") as name:
            folder = Path(name)
            (folder / "design.v").write_text(self.verilog, encoding="utf-8")
            if self.liberty:
                (folder / "cells.lib").write_bytes(self.liberty)
            return make(folder)

    def _yosys(self, folder: Path, script: str) -> dict:
        return run_yosys(self.tools.yosys, script.format(top=self.top), folder)

    def _fpga(self, folder: Path) -> dict:
        counts = _gates(self._yosys(folder, FPGA_SCRIPT))
        return {
            "lut": sum(counts.get(f"LUT{inputs}", 0) for inputs in range(1, 7)),
            "ff": sum(count for name, count in counts.items() if name.startswith("FD")),
            "primitives": counts,
        }

    def _cells(self, folder: Path) -> dict:
        return {"cells": sum(_gates(self._yosys(folder, CELLS_SCRIPT)).values())}

    def _area(self, folder: Path) -> dict:
        stat = self._yosys(folder, AREA_SCRIPT)
        unmapped = sorted(name for name in _gates(stat) if name.startswith("$"))
        if unmapped:
            raise ConfigError(f"{self.tools.liberty}: has no cell for {', '.join(unmapped)}")
        return {"area_um2": stat.get("area", 0.0)}

    def _timing(self, abc: Tool, folder: Path) -> dict:
        self._yosys(folder, TIMING_SCRIPT)
        return {"path_ns": run_abc(abc, ABC_SCRIPT, folder)}

    def _power(self, sta: Tool, folder: Path) -> dict:
        (folder / "sizing.constr").touch()
        self._yosys(folder, POWER_SCRIPT)
        return {"power_uw": power.run_power(sta, self.top, folder)}


def _gates(stat: dict) -> dict[str, int]:
    """Return the counts of cells that are hardware, without cells such as ``$scopeinfo`` and ``$check``."""
    counts = stat["num_cells_by_type"].items()
    return {name: count for name, count in counts if not name.startswith("$") or name.startswith("$_")}
