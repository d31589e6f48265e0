"""Writes docs/mac-gating.md: what it saves, and costs, that idle parts of the SIMD MAC stand still.

    python -m benchmarks.mac_gating

Toggles of gates of two inputs, and area and path in an open process, of the MAC with all modes and all registers, gated
and not. Takes some minutes; netlists and Verilated models are kept. Needs the liberty file of the process, see
:mod:`.open_processes`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.open_processes import complete_process
from benchmarks.pages import filled
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import find_synthesis_tools
from tilewright.cocotb_tests.mac import toggles
from tilewright.cocotb_tests.mac.suite import MOST_STAGES
from tilewright.hw.mac.simd_mac import SimdMac
from tilewright.hw.synth.flow import Cost, cost
from tilewright.hw.synth.library import read_library
from tilewright.hw.verilog import convert
from tilewright.sim.formats import Mode

PROCESS = "SG13G2"
PAGE = Path(__file__).parents[1] / "docs" / "mac-gating.md"
TEMPLATE = Path(__file__).with_suffix(".md")
KINDS = toggles.KINDS
NAME = "simd_mac"
TOGGLE_COLUMNS = ("mode", *(f"{kind}, {what}" for kind in KINDS for what in ("not gated", "gated", "change")))
COST_COLUMNS = ("", "area, µm²", "path, ns")


def toggle_rows(found: Iterable[toggles.Activity]) -> list[list[str]]:
    """Return toggles of gates a word: a row for each mode."""
    rows: dict[Mode, list[str]] = {}
    for each in found:
        plain, gated = (side.gates / each.words for side in (each.plain, each.gated))
        rows.setdefault(each.mode, [each.mode.label]).extend(
            (f"{plain:,.0f}", f"{gated:,.0f}", f"{gated / plain - 1:+.0%}")
        )
    return list(rows.values())


def cost_rows(costs: Mapping[str, Cost]) -> list[list[str]]:
    """Return area and path, of the MAC that is gated with the change."""
    plain, gated = costs["not gated"], costs["gated"]
    assert plain.area_um2
    assert gated.area_um2
    assert plain.path_ns
    assert gated.path_ns
    return [
        ["not gated", f"{plain.area_um2:,.0f}", f"{plain.path_ns:.2f}"],
        [
            "gated",
            f"{gated.area_um2:,.0f} ({gated.area_um2 / plain.area_um2 - 1:+.1%})",
            f"{gated.path_ns:.2f} ({gated.path_ns / plain.path_ns - 1:+.1%})",
        ],
    ]


def main() -> None:
    """Measure everything and write the page."""
    process = complete_process(PROCESS)
    library, tools = read_library(process.files), find_synthesis_tools()
    costs = {
        name: cost(
            convert(SimdMac(stages=MOST_STAGES, gated=gated), NAME), NAME, tools, parts=("area", "timing"),
            library=library, remember=remember("synth"),
        )
        for name, gated in (("not gated", False), ("gated", True))
    }  # fmt: skip
    parts = {
        "versions": f"{tools.yosys.name} {tools.yosys.version}",
        "process": f"{PROCESS}, {process.about}, {library.voltage_v:g} V, {library.temperature_c:g} °C",
        "costs": markdown_table(COST_COLUMNS, cost_rows(costs)),
        "toggles": markdown_table(TOGGLE_COLUMNS, toggle_rows(toggles.count(toggles.build()))),
    }
    write_text(PAGE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
