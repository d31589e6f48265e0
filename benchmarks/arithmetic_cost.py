"""Synthesises every arithmetic unit and writes docs/arithmetic-cost.md, the units beside their peers.

    make cost-table

Takes some minutes; results are kept, so that another run answers at once. Needs the optional tools of docs/synth.md.
"""

import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import flexposit
from tilewright.api.blocks import BLOCKS
from tilewright.base.cache import remember
from tilewright.base.errors import ToolError
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.flow import Cost, cost

PEERS = Path(__file__).with_name("arithmetic_peers.toml")
TABLE = Path(__file__).parents[1] / "docs" / "arithmetic-cost.md"
COLUMNS = (">LUT", ">FF", ">µm²", ">ns")


@dataclass(frozen=True)
class Row:
    """One of our units: a block and the options that are not at their default."""

    group: str
    block: str
    options: dict[str, str | int] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What a user types to get the figures."""
        return " ".join(["synth", self.block, *(f"--{name} {value}" for name, value in self.options.items())])

    def measure(self) -> Cost:
        """Return what the unit costs: LUT, FF, area and path."""
        tools = find_synthesis_tools()
        made = BLOCKS[self.block].design(**self.options).generate()
        measured = cost(made.verilog, made.name, tools, parts=("fpga", "area", "timing"), remember=remember("synth"))
        if measured.failed:
            raise ToolError(f"{self.command}: {measured.failed}")
        return measured


# No stalls where peers have none, so that like stands beside like.
FREE: dict[str, str | int] = {"back-pressure": "no"}

MIXED = "posit weights times FP8 activations"
ROWS_OF_SIMD = "one SIMD MAC for several formats"
ROWS = (
    Row("posit8_0 multiplier", "posit-multiplier", {"style": "rows"}),
    Row("posit8_0 multiplier", "posit-multiplier", {"style": "tree"}),
    Row("posit8_0 multiplier", "posit-multiplier", {"style": "tree", "stages": 2, **FREE}),
    Row("posit16_1 multiplier", "posit-multiplier", {"format": "posit16_1"}),
    Row("posit16_1 multiplier", "posit-multiplier", {"format": "posit16_1", "style": "rows"}),
    Row("posit16_1 multiplier", "posit-multiplier", {"format": "posit16_1", "stages": 2, **FREE}),
    Row("posit8_0 exact MAC, 32-bit quire", "posit-mac", {"style": "rows", "stages": 3, **FREE}),
    Row("posit8_0 exact MAC, 32-bit quire", "posit-mac", {"stages": 4, **FREE}),
    Row("posit16_1 exact MAC, 128-bit quire", "posit-mac", {"format": "posit16_1", "stages": 6, **FREE}),
    Row(
        "posit8_0 MAC core, no codec",
        "posit-mac-core",
        {"style": "rows", "segment-bits": 32, "stages": 1, **FREE},
    ),
    Row(
        "posit16_1 MAC core, no codec",
        "posit-mac-core",
        {"format": "posit16_1", "style": "rows", "segment-bits": 32, "stages": 1, **FREE},
    ),
    Row("four 4-bit lanes into one sum", "fp4-unit", {"stages": 1, **FREE}),
    Row(MIXED, "mixed-mac", {"stages": 1}),
    Row(MIXED, "mixed-mac", {"stages": 2}),
    Row(MIXED, "mixed-mac", {"weights": "posit4_1", "stages": 1}),
    Row(MIXED, "mixed-mac", {"weights": "posit8_1", "stages": 1}),
    Row(MIXED, "mixed-read-out", {"format": "fp16"}),
    Row(MIXED, "mixed-read-out", {"format": "fp16", "stages": 2}),
    Row("fp8_e5m2 multiply and add", "float-mac", {"format": "fp8_e5m2", "stages": 6, **FREE}),
    Row("fp16 multiply and add", "float-mac", {"format": "fp16", "stages": 6, **FREE}),
    *(
        Row(ROWS_OF_SIMD, "simd-mac", {"modes": modes, "stages": 5, **gates, **FREE})
        for modes, gates in (
            ("posit16_1", {}),
            ("posit8_0", {}),
            ("fp4_e2m1,posit4_1", {}),
            ("posit8_0,posit16_1", {}),
            ("xr-npe", {"gated": "no"}),
            ("xr-npe", {}),
            ("all", {}),
        )
    ),
    Row("signed multiplier of one, two or four lanes", "significand-multiplier"),
    Row("signed multiplier of one, two or four lanes", "significand-multiplier", {"stages": 1, **FREE}),
    Row("posit units without a peer in the same flow", "posit-decoder"),
    Row("posit units without a peer in the same flow", "posit-decoder", {"format": "posit16_1"}),
    Row("posit units without a peer in the same flow", "posit-encoder"),
    Row("posit units without a peer in the same flow", "posit-encoder", {"format": "posit16_1"}),
    Row("posit units without a peer in the same flow", "posit-adder"),
    Row("posit units without a peer in the same flow", "posit-adder", {"format": "posit16_1"}),
    Row("posit units without a peer in the same flow", "posit-mac", {"format": "posit4_1", "stages": 3, **FREE}),
    Row("minifloat units without a peer in the same flow", "float-adder"),
    Row("minifloat units without a peer in the same flow", "float-adder", {"format": "bf16"}),
    Row("minifloat units without a peer in the same flow", "float-multiplier", {"format": "fp4_e2m1"}),
    Row("minifloat units without a peer in the same flow", "float-multiplier"),
    Row("minifloat units without a peer in the same flow", "float-multiplier", {"format": "bf16"}),
    Row("minifloat units without a peer in the same flow", "float-mac", {"stages": 6, **FREE}),
    Row("minifloat units without a peer in the same flow", "float-decoder"),
    Row("minifloat units without a peer in the same flow", "float-encoder"),
    Row("shared parts", "converter", {"format": "posit8_0", "to": "fp8_e4m3"}),
    Row("shared parts", "converter", {"format": "bf16", "to": "posit16_1"}),
    Row("shared parts", "read-out", {"format": "posit8_0", "of": "posit8_0"}),
    Row("shared parts", "read-out", {"format": "posit16_1", "of": "posit16_1"}),
    Row("shared parts", "segmented-quire", {"stages": 1, **FREE}),
)

SHARED = "synth simd-mac --modes xr-npe --stages 5 --back-pressure no"
SEPARATE = {
    "three MACs of one format each, of the above": (
        ("synth posit-mac --format posit16_1 --stages 6 --back-pressure no", 1),
        ("synth posit-mac --stages 4 --back-pressure no", 2),
        ("synth fp4-unit --stages 1 --back-pressure no", 1),
    ),
    "three SIMD MACs of one width each": (
        ("synth simd-mac --modes posit16_1 --stages 5 --back-pressure no", 1),
        ("synth simd-mac --modes posit8_0 --stages 5 --back-pressure no", 1),
        ("synth simd-mac --modes fp4_e2m1,posit4_1 --stages 5 --back-pressure no", 1),
    ),
}
"""What does the work of the shared MAC without sharing: units and how many of each."""

HEAD = """# What arithmetic units cost

`make cost-table` writes this page; do not edit it. [synth.md](synth.md) describes the flow and the limits of the
figures. LUT and FF are those of an UltraScale+ without DSP blocks. Area and path delay are those of 180 nm cells
(osu018), gates only. Our units are proven exact under Verilator (`tilewright cosim arith`); `tilewright` prints each of
our rows with the command in the row. Figures of peers are our measurements of their public sources at the commits
given, in the same flow.
"""


def tools_line() -> str:
    """Return the line of the table that says what it was made with.

    Raises
    ------
    SystemExit
        If an optional tool is missing.
    """
    tools = find_synthesis_tools()
    if tools.missing:
        sys.exit("\n".join(tools.missing))
    made_with = ", ".join(f"{tool.name} {tool.version}" for tool in (tools.yosys, tools.abc) if tool)
    return f"Made with {made_with}; another version gives figures that are a little different."


def figures(cost: Cost) -> list[str]:
    """Return the four figures as cells of a table."""
    return [f"{cost.lut:,}", f"{cost.ff:,}", f"{cost.area_um2:,.0f}", f"{cost.path_ns:.2f}"]


def sharing(costs: dict[str, Cost]) -> list[str]:
    """Return the section on what one shared MAC saves against separate ones that do the same: sums of rows."""
    shared = costs[SHARED]
    lines = ["", "## What sharing saves", ""]
    lines += ["All units take words of fp4_e2m1, posit4_1, posit8_0 and posit16_1, one word per cycle, and read out to"]
    lines += ["any of the four formats.", ""]
    rows = [(f"`{SHARED}`", *figures(shared))]
    for name, units in SEPARATE.items():
        each = [costs[command] for command, count in units for _ in range(count)]
        total = Cost(
            lut=sum(cost.lut or 0 for cost in each),
            ff=sum(cost.ff or 0 for cost in each),
            area_um2=sum(cost.area_um2 or 0 for cost in each),
            path_ns=max(cost.path_ns or 0 for cost in each),
        )
        lut, area = 1 - (shared.lut or 0) / (total.lut or 1), 1 - (shared.area_um2 or 0) / (total.area_um2 or 1)
        rows.append((f"{name}: sharing saves {lut:.0%} of LUT, {area:.0%} of area", *figures(total)))
    return [*lines, markdown_table(("unit", *COLUMNS), rows).removesuffix("\n")]


def write_table(path: Path = TABLE) -> None:
    """Measure all rows and write the table."""
    peers = tomllib.loads(PEERS.read_text())["peer"]
    lines = [HEAD, tools_line()]
    costs: dict[str, Cost] = {}
    for group in dict.fromkeys(row.group for row in ROWS):
        lines += ["", f"## {group[0].upper()}{group[1:]}", ""]
        rows: list[list[str]] = []
        for row in ROWS:
            if row.group == group:
                print(row.command, file=sys.stderr, flush=True)
                costs[row.command] = row.measure()
                rows.append([f"`{row.command}`", *figures(costs[row.command]), "exact"])
        for peer in peers:
            if peer["like"] == group:
                made = Cost(**{key: peer[key] for key in ("lut", "ff", "area_um2", "path_ns")})
                name = f"{peer['name']} ({peer['commit']}), stages: {peer['stages']}"
                rows.append([name, *figures(made), peer["correct"]])
        lines.append(markdown_table(("unit", *COLUMNS, "result"), rows).removesuffix("\n"))
        if group == ROWS_OF_SIMD:
            lines += sharing(costs)
        if group == MIXED:
            lines.append(flexposit.section(costs, peers))
    write_text(path, "\n".join(lines) + "\n")


if __name__ == "__main__":
    write_table()
