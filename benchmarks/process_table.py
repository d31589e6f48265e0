"""Writes docs/processes.md: what blocks cost in three open processes, and beside published figures of others.

Takes an hour the first time; results are kept, so that another run answers at once. Needs the optional tools of
docs/synth.md, and the liberty files of :mod:`.open_processes`: a process whose files are not here ends it.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.open_processes import PROCESSES, complete_process
from benchmarks.pages import filled
from tilewright.api.blocks import BLOCKS
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.clock_tree import FANOUT
from tilewright.hw.synth.flow import Cost, cost
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.power import USUAL
from tilewright.sim.energy.process_scaling import SOURCE, ProcessPoint, scaling

TABLE = Path(__file__).parents[1] / "docs" / "processes.md"
TEMPLATE = Path(__file__).with_suffix(".md")
PARTS = ("area", "timing", "power")
PROCESS_COLUMNS = (
    "process",
    "about",
    "voltage V",
    "temperature °C",
    "unit of time",
    "cells",
    "source of the files",
)
COLUMNS = (
    "block", "process", "area µm²", "path ns", "power µW", "internal µW", "switching µW", "clock pins µW",
    "clock tree µW, assumed", "leakage µW", "pJ a cycle",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A block and the options that are not at their default."""

    block: str
    options: dict[str, str | int] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What a user types to measure it."""
        return " ".join(["synth", self.block, *(f"--{name} {value}" for name, value in self.options.items())])


ROWS = (
    Row("fp4-unit", {"stages": 2}),
    Row("simd-mac", {"modes": "xr-npe", "stages": 5}),
    Row(
        "cim-tile",
        {
            "rows": 8,
            "columns": 8,
            "weight-bits": 4,
            "input-bits": 4,
            "weight-bus-bits": 32,
            "activation-bus-bits": 32,
        },
    ),
)
MAC = ROWS[1]
"""Row that stands beside XR-NPE's MAC."""
XR_NPE = ProcessPoint(node_nm=28, voltage_v=0.9)
"""Process of XR-NPE; its paper states no voltage, so that one is a guess."""
SCALED_COLUMNS = ("figures of", "from", "area mm²", "path ns", "pJ a cycle")
STEPS = (("osu018", "SG13G2"), ("SG13G2", "ASAP7"), ("osu018", "ASAP7"))
"""Pairs of processes between which measured figures stand beside scaled ones."""
STEP_COLUMNS = (
    "block", "from", "to", "area", "path", "transitions", "area by the table", "path by the table",
    "transitions by the table",
)  # fmt: skip


def measure(row: Row, library: Library) -> Cost:
    """Return the cost of a row with the cells of a library, without clock gates, which one of them lacks."""
    made = BLOCKS[row.block].design(**row.options).generate()
    tools = find_synthesis_tools(library.files)
    return cost(
        made.verilog, made.name, tools, parts=PARTS, library=library, clock_gates=False, remember=remember("synth")
    )  # fmt: skip


def cells(row: Row, process: str, found: Cost) -> list[str]:
    """Return a row of the table."""
    powers = (found.power_uw, found.internal_uw, found.switching_uw, found.clock_pins_uw, found.clock_tree_uw)
    energy_pj = (found.power_uw or 0) / USUAL.clock_mhz
    return [
        f"`{row.command}`",
        process,
        f"{found.area_um2:,.0f}",
        f"{found.path_ns:.2f}",
        *("-" if power is None else f"{power:,.{0 if power >= 100 else 1}f}" for power in powers),
        f"{found.leakage_uw:.2f}",
        f"{energy_pj:,.0f}" if energy_pj >= 100 else f"{energy_pj:.3g}",
    ]


def point_of(name: str, library: Library) -> ProcessPoint:
    """Return node and voltage of a process."""
    return ProcessPoint(PROCESSES[name].node_nm, library.voltage_v)


def transitions_uw(found: Cost) -> float:
    """Return the power that transitions cost, which is all of it but leakage."""
    return (found.internal_uw or 0) + (found.switching_uw or 0)


def step_rows(libraries: dict[str, Library], costs: dict[tuple[str, str], Cost]) -> list[list[str]]:
    """Return measured ratios between processes beside those of the table of scaling."""
    rows = []
    for row in ROWS:
        for first, second in STEPS:
            before, after = costs[row.command, first], costs[row.command, second]
            factors = scaling(point_of(first, libraries[first]), point_of(second, libraries[second]))
            measured = (
                (after.area_um2 or 0) / (before.area_um2 or 1),
                (after.path_ns or 0) / (before.path_ns or 1),
                transitions_uw(after) / transitions_uw(before),
            )
            ratios = (*measured, factors.area, factors.delay, factors.energy)
            rows.append([f"`{row.block}`", first, second, *(f"{ratio:.2g}" for ratio in ratios)])
    return rows


def scaled_rows(libraries: dict[str, Library], costs: dict[tuple[str, str], Cost]) -> list[list[str]]:
    """Return the SIMD MAC, as measured and scaled to the process of XR-NPE, beside XR-NPE's own figures."""
    rows = [["XR-NPE's MAC", "its paper, 28 nm", "0.016", "0.58, a clock of 1.72 GHz", "14"]]
    for name, library in libraries.items():
        found = costs[MAC.command, name]
        factors = scaling(point_of(name, library), XR_NPE)
        area_mm2, energy_pj = (found.area_um2 or 0) / 1e6, transitions_uw(found) / USUAL.clock_mhz
        rows.append([
            "ours, estimates", f"{name}, scaled to {XR_NPE}", f"{area_mm2 * factors.area:.2g}",
            f"{(found.path_ns or 0) * factors.delay:.2f}", f"{energy_pj * factors.energy:.2g}",
        ])  # fmt: skip
        at = point_of(name, library)
        rows.append(["ours, measured", f"{name}, {at}", f"{area_mm2:.2g}", f"{found.path_ns:.2f}", f"{energy_pj:.3g}"])
    return rows


def process_rows(libraries: dict[str, Library]) -> list[list[str]]:
    """Return the rows of the table of processes."""
    return [
        [
            name,
            PROCESSES[name].about,
            f"{library.voltage_v:g}",
            f"{library.temperature_c:g}",
            library.units["time_unit"],
            str(len(library.cells)),
            PROCESSES[name].source,
        ]
        for name, library in libraries.items()
    ]


def main() -> None:
    """Measure every row in every process and write the table."""
    libraries: dict[str, Library] = {}
    for name in PROCESSES:
        libraries[name] = read_library(complete_process(name).files)
    rows: list[list[str]] = []
    costs: dict[tuple[str, str], Cost] = {}
    for row in ROWS:
        for name, library in libraries.items():
            print(row.command, name, file=sys.stderr, flush=True)
            found = measure(row, library)
            if found.failed:
                sys.exit(f"{row.command} in {name}: {found.failed}")
            costs[row.command, name] = found
            rows.append(cells(row, name, found))
    tools = find_synthesis_tools()
    versions = ", ".join(f"{tool.name} {tool.version}" for tool in (tools.yosys, tools.abc, tools.sta) if tool)
    parts = {
        "versions": versions,
        "clock": f"{USUAL.clock_mhz:g}",
        "activity": f"{USUAL.activity:.0%}",
        "fanout": str(FANOUT),
        "processes": markdown_table(PROCESS_COLUMNS, process_rows(libraries)),
        "table": markdown_table(COLUMNS, rows),
        "steps": markdown_table(STEP_COLUMNS, step_rows(libraries, costs)),
        "scaled": markdown_table(SCALED_COLUMNS, scaled_rows(libraries, costs)),
        "source": SOURCE,
        "mac": MAC.command,
    }
    write_text(TABLE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
