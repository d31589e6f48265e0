"""Measures the energy of a multiply-accumulate in an open process, in simulations of its cells.

Writes docs/work-energy.md, and ``mac_energy.toml`` of the process, which ``sim.energy`` reads. Takes half an hour the
first time; netlists and Verilated models are kept. Needs OpenSTA, and the liberty files of the
process, see :mod:`.open_processes`.
"""

import sys
from pathlib import Path

from benchmarks.open_processes import complete_process, timing_analyser
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import find_synthesis_tools
from tilewright.cocotb_tests.cim import energy as cim
from tilewright.cocotb_tests.mac import energy as mac
from tilewright.cocotb_tests.mac.toggles import KINDS
from tilewright.hw.synth.library import read_library
from tilewright.sim.config import MacroConfig
from tilewright.sim.config.mac_energies import FILE
from tilewright.sim.config.process import process_file
from tilewright.sim.formats import ALL_MODES

PROCESS = "SG13G2"
PAGE = Path(__file__).parents[1] / "docs" / "work-energy.md"
TEMPLATE = Path(__file__).with_suffix(".md")
JOBS = "normal"
"""Kind of words whose energy a multiply-accumulate of the NPE takes."""
MAC_COLUMNS = ("mode", "MACs a word", *(f"{kind}, pJ a MAC" for kind in KINDS), "clock, pJ a MAC")
MACRO_COLUMNS = ("weights", "inputs", "bits a cycle", "pJ a MAC", "clock, pJ a MAC", "pJ a bit written")
MACROS = [
    MacroConfig.model_validate({
        "rows": 16, "columns": 4, "weight_bits": bits, "weight_format": kind, "input_bits": inputs,
        "input_bits_per_cycle": step,
    })
    for bits, kind, inputs, step in (
        (4, "int", 8, 1), (4, "int", 8, 2), (4, "int", 8, 4), (4, "int", 4, 1), (4, "fp4_e2m1", 8, 2), (8, "int", 8, 1),
        (8, "int", 8, 4),
    )
]  # fmt: skip
"""Macros of the second table."""


def mac_rows(found: list[mac.MacEnergy]) -> list[list[str]]:
    """Return the rows of the SIMD MAC."""
    table = []
    for mode in ALL_MODES:
        energies = {(each.kind, each.gated): each for each in found if each.mode is mode}
        cells = [mode.label, str(mode.lanes)]
        for kind in KINDS:
            gated, plain = energies[kind, True].pj, energies[kind, False].pj
            cells.append(f"{gated:.3g} ({gated / plain - 1:+.0%})")
        table.append([*cells, f"{energies[KINDS[0], True].clock_pj / mode.lanes:.3g}"])
    return table


def macro_row(found: cim.MacroEnergy) -> list[str]:
    """Return the row of a macro."""
    config = found.config
    clock_pj = found.clock_pj * config.slices / (config.rows * config.columns)
    return [
        config.weights.label,
        f"INT{config.input_bits}",
        str(config.input_bits_per_cycle),
        f"{found.mac_pj:.3g}",
        f"{clock_pj:.3g}",
        f"{found.write_pj:.3g}",
    ]


def toml(found: list[mac.MacEnergy], source: str) -> str:
    """Return the text of the process's file: words of normally distributed numbers, idle parts standing still."""
    energies = {each.mode.label: each.pj for each in found if each.kind == JOBS and each.gated}
    lines = ["# Written by `python -m benchmarks.work_energy`; do not edit.", f'source = "{source}"', "", "[pj]"]
    return "\n".join([*lines, *(f"{label} = {pj:.4g}" for label, pj in energies.items())]) + "\n"


def main() -> None:
    """Measure everything, and write the file of the process and the page."""
    process = complete_process(PROCESS)
    library, tools = read_library(process.files), find_synthesis_tools()
    sta = timing_analyser(tools)
    energies = []
    for each in mac.measure(mac.build(library, sta, clock_gates=False)):
        print(each.mode.label, each.kind, f"{each.pj:.4g} pJ", file=sys.stderr, flush=True)
        energies.append(each)
    versions = f"{tools.yosys.name} {tools.yosys.version}, {sta.name} {sta.version}"
    write_text(
        process_file(PROCESS, FILE), toml(energies, f"measured in {PROCESS} with {versions}; docs/work-energy.md")
    )
    rows = []
    for config in MACROS:
        print(config, file=sys.stderr, flush=True)
        rows.append(macro_row(cim.measure(config, library, sta, clock_gates=False)))
    parts = {
        "versions": versions,
        "process": f"{PROCESS}, {process.about}, {library.voltage_v:g} V, {library.temperature_c:g} °C",
        "modes": markdown_table(MAC_COLUMNS, mac_rows(energies)),
        "macros": markdown_table(MACRO_COLUMNS, rows),
    }
    write_text(PAGE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
