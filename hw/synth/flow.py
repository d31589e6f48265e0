"""Measures the cost of a Verilog module with one fixed flow, so that figures of different designs compare.

Each part runs its own tools on its own copy of the text and knows nothing of the other parts:

- ``fpga``: look-up tables and flip-flops after ``synth_xilinx`` for UltraScale+, without DSP blocks.
- ``cells``: generic cells (gates of two inputs, multiplexers, flip-flops) after ``synth``, before any mapping.
- ``area``: cell area after mapping to a liberty file.
- ``timing``: longest combinational path after mapping by Berkeley ABC. No wire load, clock-to-output or set-up time.
- ``power``: OpenSTA on a mapped netlist, see :mod:`tilewright.hw.synth.power`.

Parts that use a liberty file with a cell for it gate the clocks of registers with an enable, see
:mod:`tilewright.hw.synth.clock_gates`.

Yosys chooses among equal mappings by the order of its input: the same function written in another way may differ by
a few per cent.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.tools import SynthesisTools, Tool
from tilewright.hw.synth import macros, power
from tilewright.hw.synth.clock_gates import ClockGate, gate_counts, with_enough_gates
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.power import Conditions
from tilewright.hw.synth.run import run_abc, run_yosys

PARTS = ("fpga", "cells", "area", "timing", "power")

GENERIC = "read_verilog design.v; synth -flatten -top {top}"
WITH_MACROS = (
    "read_verilog -lib macros.v; read_verilog design.v; synth -flatten -top {top} -run begin:fine; "
    f"{macros.MAP}; synth -top {{top}} -run fine:"
)
"""Begin of the scripts of area, timing and power in place of ``GENERIC`` if the library has macros for memories."""
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
    """Area of cells and macros in the unit of the liberty file, which is µm² in nearly all of them."""
    macros_um2: float | None = None
    """Area of the SRAM macros, a part of ``area_um2``; None if the library has none for these memories."""
    macros_leakage_uw: float | None = None
    """Leakage of the macros, no part of ``power_uw``; None if the library does not state it for each of them."""
    macros: Mapping[str, int] = field(default_factory=dict)
    """Number of each SRAM macro."""
    flip_flops: int | None = None
    """Number of flip-flops of the liberty file."""
    clock_gates: int | None = None
    """Number of cells that gate the clocks of flip-flops."""
    gated_flip_flops: int | None = None
    """Number of flip-flops whose clocks they gate."""
    path_ns: float | None = None
    power_uw: float | None = None
    """Power under the conditions given: the sum of the three parts. The clock tree is no part of it."""
    internal_uw: float | None = None
    """Power inside the cells. A part is None if the library states nothing of the kind for the cells of the design."""
    switching_uw: float | None = None
    """Power of nets: pins and loads of outputs, no wires."""
    leakage_uw: float | None = None
    clock_pins_uw: float | None = None
    """Power of the clock: of the flip-flops while nothing but the clock moves, and of the clock gates, which pass as
    many edges as the activity says; a part of ``power_uw``."""
    clock_idle_uw: float | None = None
    """The same while no gate passes an edge."""
    clock_tree_uw: float | None = None
    """Power that the tree of :mod:`.clock_tree`, an assumption, adds to ``power_uw``: its buffers, their nets, and what
    its edges, slower than those of an ideal clock, cost the flip-flops."""
    clock_tree: str | None = None
    """Number and name of the buffers of this tree."""
    power_lacks: Mapping[str, list[str]] = field(default_factory=dict)
    """Cells of the design for which the library lacks a part of the power, by its field."""
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


def gated(script: str, gate: ClockGate | None) -> str:
    """Return a script that gates the clocks after ``GENERIC``; the same script if there is no gate."""
    return script.replace(GENERIC, f"{GENERIC}; {gate.commands}", 1) if gate else script


def area_script(gate: ClockGate | None) -> str:
    """Return the script of the area; with clock gates, it writes the netlist in which they are counted."""
    return gated(f"{AREA_SCRIPT}; {power.WRITE}" if gate else AREA_SCRIPT, gate)


def cost(
    verilog: str,
    top: str,
    tools: SynthesisTools,
    *,
    parts: Iterable[str] = PARTS,
    library: Library | None = None,
    conditions: Conditions = power.USUAL,
    clock_gates: bool = True,
    remember: Remember = anew,
) -> Cost:
    """Return the cost of module ``top`` of ``verilog``.

    A part whose optional tool or liberty file is absent from ``tools``, or whose optional tool fails, is left out.
    ``library`` is what ``read_library`` makes of the liberty files of ``tools``, if the caller has it already.
    ``clock_gates`` lets area, timing and power have clock gates if the library has a cell for them.
    ``remember`` may keep results: ``tilewright.base.cache.remember("synth")`` does, between processes.

    Raises
    ------
    ConfigError
        If there is no such part, or the liberty files are refused, or lack a cell.
    ToolError
        If Yosys fails.
    """
    job = _Job(verilog, top, tools, library or library_of(tools), conditions, clock_gates)
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


def library_of(tools: SynthesisTools) -> Library | None:
    """Return the library that the liberty files of some tools make up, if there are any.

    Raises
    ------
    ConfigError
        If a file is refused.
    """
    return read_library(tools.liberty) if tools.liberty else None


@dataclass(frozen=True)
class _Job:
    verilog: str
    top: str
    tools: SynthesisTools
    library: Library | None
    conditions: Conditions
    clock_gates: bool

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", self.top):
            raise ConfigError(f"top module '{self.top}': must be a plain Verilog name")

    @property
    def gate(self) -> ClockGate | None:
        """Cell that gates clocks."""
        return self.library.clock_gate if self.library and self.clock_gates else None

    def figures(self, part: str, remember: Remember) -> dict:
        """Return the fields of :class:`Cost` that a part fills; nothing if it lacks a tool."""
        yosys, abc, sta, library = self.tools.yosys, self.tools.abc, self.tools.sta, self.library
        make: Callable[[Path], dict]
        scripts: tuple[str, ...]
        if part == "fpga":
            scripts, programs, make = (FPGA_SCRIPT,), [yosys], self._fpga
        elif part == "cells":
            scripts, programs, make = (CELLS_SCRIPT,), [yosys], self._cells
        elif not library:
            return {}
        elif part == "area":
            scripts, programs, make = (area_script(self.gate),), [yosys], partial(self._area, library)
        elif part == "timing":
            if abc is None:
                return {}
            scripts, programs, make = (
                (gated(TIMING_SCRIPT, self.gate), ABC_SCRIPT),
                [yosys, abc],
                partial(self._timing, abc),
            )
        else:
            if sta is None:
                return {}
            scripts = gated(POWER_SCRIPT, self.gate), power.FLOW
            programs, make = [yosys, sta], partial(self._power, sta, library)
        if library and part not in ("fpga", "cells"):
            scripts = tuple(map(self._with_macros, scripts))
        digest = library.digest if library and part not in ("fpga", "cells") else ""
        conditions = [repr(self.conditions)] if part == "power" else []
        versions = [f"{program.name} {program.version}" for program in programs]
        inputs = [part, self.top, self.verilog, *scripts, *versions, *conditions, digest]
        inputs += [self.gate.key] if self.gate and digest else []
        return remember(inputs, lambda: self._in_folder(make))

    def _in_folder(self, make: Callable[[Path], dict]) -> dict:
        with TemporaryDirectory(prefix="tilewright-synth-") as name:
            folder = Path(name)
            (folder / "design.v").write_text(self.verilog, encoding="utf-8")
            if self.library:
                (folder / "cells.lib").write_bytes(self.library.content)
                macros.write_macros(self.library.usable_macros, folder)
            return make(folder)

    def _with_macros(self, script: str) -> str:
        """Return a script that lets memories become macros of the library, if it has any for them."""
        return script.replace(GENERIC, WITH_MACROS) if self.library and self.library.usable_macros else script

    def _yosys(self, folder: Path, script: str) -> dict:
        bit_area = self.library.bit_area if self.library else 0
        filled = script.format(top=self.top, period_ps=self.conditions.period_ps, bit_area=bit_area)
        try:
            return run_yosys(self.tools.yosys, filled, folder)
        except ToolError as error:
            missing = re.search(r"\(type (\S+)\) cannot be legalized", str(error))
            if missing and self.library:
                raise ConfigError(f"{self.library.label}: has no cell for {missing[1]}") from error
            raise

    def _fpga(self, folder: Path) -> dict:
        counts = _gates(self._yosys(folder, FPGA_SCRIPT))
        return {
            "lut": sum(counts.get(f"LUT{inputs}", 0) for inputs in range(1, 7)),
            "ff": sum(count for name, count in counts.items() if name.startswith("FD")),
            "primitives": counts,
        }

    def _cells(self, folder: Path) -> dict:
        return {"cells": sum(_gates(self._yosys(folder, CELLS_SCRIPT)).values())}

    def _area(self, library: Library, folder: Path) -> dict:
        stat = self._yosys(folder, self._with_macros(area_script(self.gate)))
        unmapped = sorted(name for name in _gates(stat) if name.startswith("$"))
        if unmapped:
            raise ConfigError(f"{library.label}: has no cell for {', '.join(unmapped)}")
        figures = cell_figures(stat, library, self.gate, folder)
        area = figures["area_um2"]
        if not library.usable_macros:
            return figures
        counts = macros.macro_counts(library.usable_macros, folder)
        of_macros = sum(count * library.macros[name].area_um2 for name, count in counts.items())
        leakages = [library.macros[name].leakage_uw for name in counts]
        stated = [leakage for leakage in leakages if leakage is not None]
        leakage = sum(count * leakage for count, leakage in zip(counts.values(), stated, strict=False))
        return figures | {
            "area_um2": area + of_macros,
            "macros_um2": of_macros,
            "macros_leakage_uw": leakage if len(stated) == len(leakages) else None,
            "macros": counts,
        }

    def _timing(self, abc: Tool, folder: Path) -> dict:
        self._yosys(folder, self._with_macros(gated(TIMING_SCRIPT, self.gate)))
        if self.gate:
            blif = folder / "design.blif"
            blif.write_text(self.gate.as_outputs(blif.read_text()))
        return {"path_ns": run_abc(abc, ABC_SCRIPT, folder)}

    def _power(self, sta: Tool, library: Library, folder: Path) -> dict:
        (folder / "sizing.constr").write_text(self.conditions.sizing)
        self._yosys(folder, self._with_macros(gated(POWER_SCRIPT, self.gate)))
        return power.run_power(sta, self.top, library, self.conditions, self.gate, folder)


def cell_figures(stat: dict, library: Library, gate: ClockGate | None, folder: Path) -> dict:
    """Return area, flip-flops and clock gates of what ``AREA_SCRIPT`` left in a folder, without macros."""
    counts = {name: count for name, count in _gates(stat).items() if name in library.cells}
    flip_flops = sum(count for name, count in counts.items() if library.cells[name].is_flip_flop)
    figures = {"area_um2": stat.get("area", 0.0), "flip_flops": flip_flops, "clock_gates": 0, "gated_flip_flops": 0}
    if gate is None:
        return figures
    found = gate_counts(with_enough_gates((folder / "netlist.v").read_text(), gate), gate)
    more = found.gates - counts.get(gate.cell, 0)
    area = library.cells[gate.cell].group.level.number("area") or 0.0
    return figures | {
        "area_um2": figures["area_um2"] + more * area,
        "clock_gates": found.gates,
        "gated_flip_flops": found.flip_flops,
    }


def _gates(stat: dict) -> dict[str, int]:
    """Return the counts of cells that are hardware, without cells such as ``$scopeinfo`` and ``$check``."""
    counts = stat["num_cells_by_type"].items()
    return {name: count for name, count in counts if not name.startswith("$") or name.startswith("$_")}
