"""Writes docs/processes.md: what blocks cost in three open processes.

Takes an hour the first time; results are kept, so that another run answers at once. Needs the optional tools of
docs/synth.md, and the liberty files of :mod:`.open_processes`: a process whose files are not here ends it.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.open_processes import PROCESSES
from tilewright.api.blocks import BLOCKS
from tilewright.base.cache import remember
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.clock_tree import FANOUT
from tilewright.hw.synth.flow import Cost, cost
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.power import USUAL

TABLE = Path(__file__).parents[1] / "docs" / "processes.md"
PARTS = ("area", "timing", "power")


@dataclass(frozen=True)
class Row:
    """A block and the options that are not at their default."""

    block: str
    about: str
    options: dict[str, str | int] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What a user types to measure it."""
        return " ".join(["synth", self.block, *(f"--{name} {value}" for name, value in self.options.items())])


ROWS = (
    Row("fp4-unit", "four FP4 products a cycle, exact sum", {"stages": 2}),
    Row("simd-mac", "SIMD MAC of XR-NPE's four formats", {"modes": "xr-npe", "stages": 5}),
    Row("cim-tile", "CIM tile, INT4", {"rows": 16, "columns": 16, "weight-bits": 4, "input-bits": 4}),
    Row("vector-unit", "vector unit", {"lanes": 4}),
    Row("npe", "NPE of 2 x 2 SIMD MACs", {"rows": 2, "columns": 2, "bus-bits": 64, "modes": "xr-npe", "depth": 16, "panels": 2}),
)


def measure(row: Row, library: Library) -> Cost:
    """Return the cost of a row with the cells of a library."""
    made = BLOCKS[row.block].design(**row.options).generate()
    tools = find_synthesis_tools(library.files)
    return cost(made.verilog, made.name, tools, parts=PARTS, library=library, remember=remember("synth"))


def main() -> None:
    """Measure every row in every process and write the table."""
    libraries: dict[str, Library] = {}
    for name, process in PROCESSES.items():
        if not process.complete:
            sys.exit(f"{name}: {len(process.files)} of {process.count} liberty files are here; from {process.source}")
        libraries[name] = read_library(process.files)
    for row in ROWS:
        for name, library in libraries.items():
            print(row.command, name, file=sys.stderr, flush=True)
            found = measure(row, library)
            print(found, flush=True)


if __name__ == "__main__":
    main()
