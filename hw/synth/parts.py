"""Synthesises modules of a design one by one, each flattened.

A part is a module with everything below it but other parts, which are black boxes: equal parts are synthesised once,
however often they are there, and a part that another design has, too, is found among kept results. Logic is not
optimised across the edges of parts, so that the sum may exceed a flat synthesis by a few per cent.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.base.tools import Tool
from tilewright.hw.synth import macros
from tilewright.hw.synth.clock_gates import ClockGate, GateCounts, gate_counts, with_enough_gates
from tilewright.hw.synth.flow import GENERIC, WITH_MACROS, Remember, anew, area_script, cell_figures, gated
from tilewright.hw.synth.instances import instances
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.run import run_yosys

_MODULE = re.compile(r"(?ms)^module (\w+)\b.*?^endmodule\n")
_INSTANCE = re.compile(r"(?m)^  (\w+) \w+ \($")
_PORT = re.compile(r"(?m)^  (?:input|output)[^\n]*\n")


@dataclass(frozen=True)
class Part:
    """A module of a design that is synthesised alone."""

    module: str
    count: int
    """Number of times that the design contains it."""
    verilog: str
    """The module and all below it but other parts, whose modules have ports alone."""
    boxes: tuple[str, ...]
    """Other parts that are in it."""


@dataclass(frozen=True)
class PartCost:
    """Cells of one part, without other parts in it."""

    cells_um2: float
    cells: Mapping[str, int]
    """Number of each cell of the library."""
    macros: Mapping[str, int]
    """Number of each SRAM macro."""
    gated_flip_flops: int = 0
    """Number of flip-flops with a gated clock."""

    def cells_leakage_uw(self, library: Library) -> float:
        """Return the leakage of the cells by ``cell_leakage_power``; 0 where the library states none."""
        stated = sum(
            count * (library.cells[name].group.level.number("cell_leakage_power") or 0.0)
            for name, count in self.cells.items()
        )
        return stated * library.leakage_unit_uw

    def flip_flops(self, library: Library) -> dict[str, int]:
        """Return the number of each kind of flip-flop."""
        return {name: count for name, count in self.cells.items() if library.cells[name].is_flip_flop}


def parts(verilog: str, top: str, roots: Iterable[str]) -> list[Part]:
    """Return the parts of a design: ``top``, and each of its modules whose name is among ``roots``."""
    text = {match[1]: match[0] for match in _MODULE.finditer(verilog)}
    own = {*roots} & text.keys() | {top}
    below = {name: [each for each in _INSTANCE.findall(body) if each in text] for name, body in text.items()}
    counts: Counter[str] = Counter()

    def count(module: str) -> None:
        counts[module] += 1
        for each in below[module]:
            count(each)

    count(top)
    found = []
    for module in sorted(own):
        inside, boxes, waiting = {module: None}, dict[str, None](), [module]
        while waiting:
            for each in below[waiting.pop()]:
                if each in own:
                    boxes[each] = None
                elif each not in inside:
                    inside[each] = None
                    waiting.append(each)
        stubs = [_stub(text[each]) for each in boxes]
        if counts[module]:
            found.append(
                Part(module, counts[module], "".join([*(text[each] for each in inside), *stubs]), tuple(boxes))
            )
    return found


def _stub(module: str) -> str:
    """Return a module of Verilog with its ports alone."""
    head, end, body = module.partition(");\n")
    return "".join([head, end, *_PORT.findall(body), "endmodule\n"])


@dataclass(frozen=True)
class PartClock:
    """Flip-flops of one part, and the clock gates before them."""

    flip_flops: int
    gated_flip_flops: int
    clock_gates: int


CLOCK_SCRIPT = "; dfflibmap -liberty cells.lib; opt_clean; write_verilog -noattr -noexpr netlist.v"
"""Yosys script that follows the gates: flip-flops as cells, without a mapping of the logic, which takes most time."""


def part_clock(part: Part, yosys: Tool, library: Library, *, remember: Remember = anew) -> PartClock:
    """Return the flip-flops and clock gates of a part; it takes a fraction of the time of its cost.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    gate = library.clock_gate
    script = gated(GENERIC, gate) + CLOCK_SCRIPT
    if library.usable_macros:
        script = script.replace(GENERIC, WITH_MACROS)
    script = _boxed(script.replace("; synth ", "; synth -noabc "), part)
    inputs = ["part clock", part.module, part.verilog, script, yosys.version, library.digest, gate.key if gate else ""]
    return PartClock(**remember(inputs, lambda: _part_clock(part, script, yosys, library, gate)))


def _part_clock(part: Part, script: str, yosys: Tool, library: Library, gate: ClockGate | None) -> dict:
    with TemporaryDirectory(prefix="tilewright-synth-") as name:
        folder = Path(name)
        _run(part, script, yosys, library, folder)
        text = (folder / "netlist.v").read_text()
    counts = GateCounts(0, 0)
    if gate:
        text = with_enough_gates(text, gate)
        counts = gate_counts(text, gate)
    flip_flops = sum(library.cells[each.cell].is_flip_flop for each in instances(text) if each.cell in library.cells)
    return {"flip_flops": flip_flops, "gated_flip_flops": counts.flip_flops, "clock_gates": counts.gates}


def part_cost(
    part: Part, yosys: Tool, library: Library, *, clock_gates: bool = True, remember: Remember = anew
) -> PartCost:
    """Return the cost of a part with the cells of a library; clocks are gated if it has a cell for that.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    gate = library.clock_gate if clock_gates else None
    script = area_script(gate)
    if library.usable_macros:
        script = script.replace(GENERIC, WITH_MACROS)
    script = _boxed(script, part)
    inputs = ["part", part.module, part.verilog, script, yosys.version, library.digest]
    inputs += [gate.key] if gate else []
    return PartCost(**remember(inputs, lambda: _part_cost(part, script, yosys, library, gate)))


def _part_cost(part: Part, script: str, yosys: Tool, library: Library, gate: ClockGate | None) -> dict:
    with TemporaryDirectory(prefix="tilewright-synth-") as name:
        folder = Path(name)
        stat = _run(part, script, yosys, library, folder)
        counts = macros.macro_counts(library.usable_macros, folder) if library.usable_macros else {}
        cells = {name: count for name, count in stat["num_cells_by_type"].items() if name in library.cells}
        figures = cell_figures(stat, library, gate, folder)
        if gate:
            cells[gate.cell] = figures["clock_gates"]
        return {
            "cells_um2": figures["area_um2"],
            "cells": cells,
            "macros": counts,
            "gated_flip_flops": figures["gated_flip_flops"],
        }


def _boxed(script: str, part: Part) -> str:
    """Return a script that leaves other parts out."""
    boxes = "".join(f"; blackbox {each}" for each in part.boxes)
    return script.replace("read_verilog design.v", f"read_verilog design.v{boxes}")


def _run(part: Part, script: str, yosys: Tool, library: Library, folder: Path) -> dict:
    """Run a script on a part in a folder; return the statistics that it left, if any."""
    (folder / "design.v").write_text(part.verilog, encoding="utf-8")
    (folder / "cells.lib").write_bytes(library.content)
    macros.write_macros(library.usable_macros, folder)
    return run_yosys(yosys, script.format(top=part.module, bit_area=library.bit_area), folder)
