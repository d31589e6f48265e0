"""Measures the parts of accelerators, and adds to each what it is made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from amaranth.lib import wiring

from benchmarks.area_grid import ONLY, Point, components
from tilewright.base.cache import remember
from tilewright.base.tools import Tool
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.parts import PartCost, part_cost
from tilewright.hw.synth.parts import parts as parts_of
from tilewright.hw.verilog import convert
from tilewright.sim.config import AcceleratorConfig
from tilewright.sim.energy.structure import Part, parts


@dataclass(frozen=True)
class Measured:
    """A part of an accelerator, and what it costs."""

    part: Part
    count: int
    """Number of times that the RTL contains the part."""
    cost: PartCost


def measure(
    component: wiring.Component,
    name: str,
    config: AcceleratorConfig,
    yosys: Tool,
    library: Library,
    only: set[str] | None = None,
) -> Iterator[Measured]:
    """Yield the parts of a component whose module has a name, or only some of them, as they are synthesised."""
    verilog = convert(component, name)
    known = {part.name: part for part in parts(config)}
    modules = by_module(verilog, known)
    for found in parts_of(verilog, name, modules):
        part = modules[found.module]
        if only is None or part.name in only:
            cost = part_cost(found, yosys, library, clock_gates=False, remember=remember("synth"))
            yield Measured(part, found.count, cost)


def measure_point(point: Point, yosys: Tool, library: Library) -> Iterator[Measured]:
    """Yield the parts of all components of a point."""
    for name, component in components(point):
        yield from measure(component, name, point.system.accelerator, yosys, library, ONLY.get(name))


def by_module(verilog: str, known: Mapping[str, Part]) -> dict[str, Part]:
    """Return the parts by the modules of a Verilog text, whose names end with those of the parts."""
    modules = [
        line.split("(")[0].removeprefix("module ") for line in verilog.splitlines() if line.startswith("module ")
    ]
    return {
        module: part
        for module in modules
        for name, part in known.items()
        if module == name or module.endswith(f"__{name}")
    }
