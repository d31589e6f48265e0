"""Writes how many flip-flops of an accelerator have a clock gate in a process, and docs/clock-gates.md.

Parts of small accelerators are synthesised with clock gates, without a mapping of their logic, and two whole
accelerators to check what follows. Takes an hour the first time; results are kept. Needs OpenSTA, and the liberty files
of :mod:`.open_processes`; the area of the process must be there, see :mod:`.area_table`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from benchmarks.area_grid import COMPONENTS, HELD_OUT, ONLY, POINTS, Build, Point
from benchmarks.area_parts import by_module
from benchmarks.open_processes import complete_process, timing_analyser
from benchmarks.pages import filled
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import SynthesisTools, find_synthesis_tools
from tilewright.hw.synth.clock_gates import MOST_FLIP_FLOPS, gate_counts
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.parts import PartClock, part_clock
from tilewright.hw.synth.parts import parts as parts_of
from tilewright.hw.synth.work_power import cell_netlist, net_energies
from tilewright.hw.verilog import convert
from tilewright.sim.config import AcceleratorConfig, load_system
from tilewright.sim.config.process import process_file
from tilewright.sim.energy.area import AreaModel, load_area_model, memory_features
from tilewright.sim.energy.clock_gates import FILE, MEMORY, ClockModel, FlipFlops, GateCoefficients, part_flip_flops
from tilewright.sim.energy.structure import UNITS, Part, parts

PROCESS = "SG13G2"
PAGE = Path(__file__).parents[1] / "docs" / "clock-gates.md"
TEMPLATE = Path(__file__).with_suffix(".md")
SYSTEMS = ("nano", "tiny", "small", "edge-int4")
"""Presets of the table of clocks."""
MEASURED = tuple(POINTS[index] for index in (11, 20, 21, 0, 1, 3, 4, 6, 7, 9, 16))
"""Points of the grid of areas whose parts are synthesised: each part at least once, those of the array in several
sizes."""
CHECKED = ("2 x 16x16 INT8 of 16x16", "2 x 16x16 INT4 of 8x8, 4 bits a cycle")
"""Whole accelerators that were not fitted."""
TENDENCY = 0.05
"""Weight of the share of a whole part beside that of its measured features."""
NOISE = 1e-6
"""Coefficient below which there is none."""
GATED = """module gated(input clk, en, input [63:0] d, output reg [63:0] q);
  always @(posedge clk) if (en) q <= d;
endmodule
"""


@dataclass(frozen=True)
class Measured:
    """A part of an accelerator, and the flip-flops and gates that its synthesis has."""

    part: Part
    count: int
    """Number of times that the RTL contains the part."""
    clock: PartClock


def measure(
    name: str, build: Build, config: AcceleratorConfig, tools: SynthesisTools, library: Library, only: set[str] | None
) -> Iterator[Measured]:
    """Yield the parts of a component, or only some of them, as they are synthesised."""
    verilog = convert(build(config), name)
    modules = by_module(verilog, {part.name: part for part in parts(config)})
    for found in parts_of(verilog, name, modules):
        part = modules[found.module]
        # Parts without features are memories alone.
        if part.features and (only is None or part.name in only):
            yield Measured(part, found.count, part_clock(found, tools.yosys, library, remember=remember("synth")))


def measure_point(point: Point, tools: SynthesisTools, library: Library) -> Iterator[Measured]:
    """Yield the parts of all components of a point."""
    for name in point.components:
        yield from measure(name, COMPONENTS[name], point.system.accelerator, tools, library, ONLY.get(name))


def fitted(model: AreaModel, measured: Sequence[Measured]) -> dict[str, dict[str, GateCoefficients]]:
    """Return the coefficients.

    The share of a feature's flip-flops that have a gate lies between none and all. It is what suits the parts best, and
    tends to the share of the whole part where these do not tell. Words of memories in flip-flops are written one at a
    time, and have gates. The number of flip-flops of a gate is one for each part.
    """
    found: dict[str, dict[str, GateCoefficients]] = {}
    for name, features in model.parts.items():
        seen = [each for each in measured if each.part.name == name]
        owned = [feature for feature, each in features.items() if each.flip_flops]
        if not seen or not owned:
            continue
        each_of = [features[feature].flip_flops for feature in owned]
        sizes = np.array([[each.part.features[feature] for feature in owned] for each in seen]) * each_of
        in_memories = np.array([memory_features(each.part, model)["bits"] for each in seen])
        gated = np.clip(np.array([each.clock.gated_flip_flops for each in seen]) - in_memories, 0, None)
        totals = np.maximum(sizes.sum(axis=1), 1)
        tendency = TENDENCY * sizes.sum(axis=0) / max(1, sizes.sum())
        shares = lsq_linear(
            np.vstack([sizes / totals[:, None], np.diag(tendency)]),
            np.concatenate([gated / totals, tendency * min(1, gated.sum() / max(1, sizes.sum()))]),
            bounds=(0, 1),
        ).x
        gates = sum(each.clock.clock_gates for each in seen) / max(1, sum(each.clock.gated_flip_flops for each in seen))
        found[name] = {
            feature: _coefficients(float(share) * flip_flops, gates)
            for feature, share, flip_flops in zip(owned, shares, each_of, strict=True)
        }
    bits = model.parts.get(MEMORY, {}).get("bits")
    if bits:
        found[MEMORY] = {"bits": _coefficients(bits.flip_flops, 1 / MOST_FLIP_FLOPS)}
    return found


def _coefficients(gated: float, gates: float) -> GateCoefficients:
    if gated < NOISE:
        return GateCoefficients()
    return GateCoefficients(gated_flip_flops=float(f"{gated:.4g}"), clock_gates=float(f"{gated * gates:.4g}"))


def gate_pj(tools: SynthesisTools, library: Library) -> float:
    """Return the energy of a clock gate in a cycle in which it passes nothing, as OpenSTA states it."""
    assert tools.sta is not None
    assert library.clock_gate is not None
    design = cell_netlist(GATED, "gated", tools.yosys, library, remember=remember("synth"))
    gates = gate_counts(design.netlist, library.clock_gate).gates
    return float(f"{net_energies(tools.sta, design, library).clock_pj / gates:.4g}")


def toml(clocks: ClockModel) -> str:
    """Return a model as the text of its file."""
    lines = [
        "# Written by `python -m benchmarks.clock_table`; do not edit. docs/clock-gates.md says what the figures are.",
        f"gate_pj = {clocks.gate_pj}",
        "",
        "[tools]",
        *(f'{name} = "{version}"' for name, version in clocks.tools.items()),
    ]
    for part, features in clocks.parts.items():
        lines += ["", f"[parts.{part}]"]
        for feature, each in features.items():
            if each.gated_flip_flops:
                inside = ", ".join(f"{key} = {value:.4g}" for key, value in each.model_dump().items())
                lines.append(f'"{feature}" = {{{inside}}}')
    return "\n".join(lines) + "\n"


def check_rows(
    found: dict[str, list[Measured]], model: AreaModel, clocks: ClockModel
) -> tuple[list[list[str]], list[float]]:
    """Return the rows of whole accelerators by unit, by synthesis and by the model, and the errors of the sums."""
    rows, errors = [], []
    for name, measured in found.items():
        sums = [FlipFlops(), FlipFlops()]
        for unit in UNITS:
            inside = [each for each in measured if each.part.unit == unit]
            cells, said = FlipFlops(), FlipFlops()
            for each in inside:
                clock = each.clock
                cells += FlipFlops(clock.flip_flops, clock.gated_flip_flops, clock.clock_gates) * each.count
                said += part_flip_flops(each.part, model, clocks) * each.part.count
            rows.append(_check_row(name, unit, cells, said, model, clocks))
            sums = [sums[0] + cells, sums[1] + said]
        rows.append(_check_row(name, "all", *sums, model, clocks))
        idle = [each.idle_pj(model.clock_pj, clocks.gate_pj) for each in sums]
        errors.append(idle[1] / idle[0] - 1)
    return rows, errors


def _check_row(
    name: str, unit: str, cells: FlipFlops, said: FlipFlops, model: AreaModel, clocks: ClockModel
) -> list[str]:
    idle, modelled = (each.idle_pj(model.clock_pj, clocks.gate_pj) for each in (cells, said))
    return [
        name, unit, f"{cells.count:,.0f}", f"{cells.gated:,.0f}", f"{cells.gates:,.0f}",
        f"{cells.count * model.clock_pj:,.1f}", f"{idle:,.1f}", f"{modelled:,.1f}",
        f"{modelled / idle - 1:+.0%}" if idle else "",
    ]  # fmt: skip


def system_rows(model: AreaModel, clocks: ClockModel) -> list[list[str]]:
    """Return the clocks of the units of presets in pJ a cycle: without gates, and with closed ones."""
    rows: dict[str, list[str]] = {unit: [] for unit in (*UNITS, "all")}
    for name in SYSTEMS:
        every = parts(load_system(name).accelerator)
        for unit, cells in rows.items():
            found = FlipFlops()
            for part in every:
                if unit in (part.unit, "all"):
                    found += part_flip_flops(part, model, clocks) * part.count
            cells.append(f"{found.count * model.clock_pj:,.0f}")
            cells.append(f"{found.idle_pj(model.clock_pj, clocks.gate_pj):,.0f}")
    return [[unit, *cells] for unit, cells in rows.items()]


def main() -> None:
    """Synthesise the parts, fit, check, and write the file of the process and the page."""
    process, tools = complete_process(PROCESS), find_synthesis_tools()
    sta = timing_analyser(tools)
    library, model = read_library((*process.files, *process.macros)), load_area_model(PROCESS)
    measured: list[Measured] = []
    for point in MEASURED:
        print(*point.components, dict(point.changes), file=sys.stderr, flush=True)
        measured += measure_point(point, tools, library)
    whole = {}
    for name in CHECKED:
        print(name, file=sys.stderr, flush=True)
        config = HELD_OUT[name].system.accelerator
        whole[name] = [*measure("accelerator", COMPONENTS["accelerator"], config, tools, library, None)]
    versions = {tool.name: tool.version for tool in (tools.yosys, sta)}
    cells = read_library(process.files)
    clocks = ClockModel(tools=versions, gate_pj=gate_pj(tools, cells), parts=fitted(model, measured))
    write_text(process_file(PROCESS, FILE), toml(clocks))
    rows, errors = check_rows(whole, model, clocks)
    texts = {
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "process": f"{PROCESS}, {process.about}, {library.voltage_v:g} V, {library.temperature_c:g} °C",
        "parts": str(len(measured)),
        "points": str(len(MEASURED)),
        "flip_flop": f"{model.clock_pj:.3g}",
        "gate": f"{clocks.gate_pj:.2g}",
        "worst": f"{max(map(abs, errors)):.0%}",
        "systems": markdown_table(
            ("unit", *(f">{name}, {kind}" for name in SYSTEMS for kind in ("no gates", "closed"))),
            system_rows(model, clocks),
        ),
        "checks": markdown_table(
            ("accelerator", "unit", ">flip-flops", ">with a gate", ">gates", ">no gates, pJ", ">closed, pJ",
             ">closed by the model, pJ", ">error"),
            rows,
        ),
    }  # fmt: skip
    write_text(PAGE, filled(TEMPLATE, texts))
    print(f"idle clock of {len(errors)} accelerators that were not fitted: {texts['worst']} off at worst")


if __name__ == "__main__":
    main()
