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
from tilewright.hw.synth.flow import AREA_SCRIPT, GENERIC, WITH_MACROS, Remember, anew
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


def part_cost(part: Part, yosys: Tool, library: Library, *, remember: Remember = anew) -> PartCost:
    """Return the cost of a part with the cells of a library.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    script = AREA_SCRIPT.replace(GENERIC, WITH_MACROS) if library.usable_macros else AREA_SCRIPT
    boxes = "".join(f"; blackbox {each}" for each in part.boxes)
    script = script.replace("read_verilog design.v", f"read_verilog design.v{boxes}")
    inputs = ["part", part.module, part.verilog, script, yosys.version, library.digest]
    return PartCost(**remember(inputs, lambda: _part_cost(part, script, yosys, library)))


def _part_cost(part: Part, script: str, yosys: Tool, library: Library) -> dict:
    with TemporaryDirectory(prefix="tilewright-synth-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(part.verilog, encoding="utf-8")
        (folder / "cells.lib").write_bytes(library.content)
        macros.write_macros(library.usable_macros, folder)
        stat = run_yosys(yosys, script.format(top=part.module, bit_area=library.bit_area), folder)
        counts = macros.macro_counts(library.usable_macros, folder) if library.usable_macros else {}
        cells = {name: count for name, count in stat["num_cells_by_type"].items() if name in library.cells}
        return {"cells_um2": stat.get("area", 0.0), "cells": cells, "macros": counts}
