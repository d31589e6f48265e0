"""Writes docs/mac-energy.md: energy of a multiply-accumulate of the SIMD MAC, mode by mode, in three open processes.

Takes half an hour the first time; netlists and Verilated models are kept. Needs OpenSTA, and the liberty files of
:mod:`.open_processes`: a process whose files are not here ends it.
"""

import sys
from pathlib import Path

from benchmarks.open_processes import PROCESSES
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import find_synthesis_tools
from tilewright.cocotb_tests.mac.energy import MacEnergy, build, measure
from tilewright.cocotb_tests.mac.toggles import KINDS
from tilewright.hw.synth.library import read_library
from tilewright.sim.formats import ALL_MODES

PAGE = Path(__file__).parents[1] / "docs" / "mac-energy.md"
TEMPLATE = Path(__file__).with_suffix(".md")
COLUMNS = (
    "mode", "MACs a word",
    *(f"{kind}, pJ{what}" for kind in KINDS for what in (" a MAC", " without gates")),
    "clock, pJ a MAC",
)  # fmt: skip


def rows(found: list[MacEnergy]) -> list[list[str]]:
    """Return the rows of a process."""
    table = []
    for mode in ALL_MODES:
        energies = {(each.kind, each.gated): each for each in found if each.mode is mode}
        cells = [mode.label, str(mode.lanes)]
        for kind in KINDS:
            gated, plain = energies[kind, True].pj, energies[kind, False].pj
            cells += [f"{gated:.3g}", f"{plain:.3g} ({gated / plain - 1:+.0%})"]
        table.append([*cells, f"{energies[KINDS[0], True].clock_pj / mode.lanes:.3g}"])
    return table


def main() -> None:
    """Measure every mode in every process and write the page."""
    parts = {}
    for name, process in PROCESSES.items():
        if not process.complete:
            sys.exit(f"{name}: {len(process.files)} of {process.count} liberty files are here; from {process.source}")
        tools = find_synthesis_tools(process.files)
        if not tools.sta:
            sys.exit("OpenSTA is not installed; `tilewright doctor` says how to get it")
        found = []
        for each in measure(build(read_library(process.files), tools.sta)):
            print(name, each.mode.label, each.kind, each.gated, f"{each.pj:.4g} pJ", file=sys.stderr, flush=True)
            found.append(each)
        parts[name.lower()] = markdown_table(COLUMNS, rows(found))
    versions = ", ".join(f"{tool.name} {tool.version}" for tool in (tools.yosys, tools.sta) if tool)
    write_text(PAGE, filled(TEMPLATE, parts | {"versions": versions}))


if __name__ == "__main__":
    main()
