"""Co-simulation of the vector unit: which configurations and programs, and how they are run."""

import json
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.vector.cases import Case, random_case
from tilewright.cocotb_tests.vector.cb_vector import BENCH
from tilewright.cocotb_tests.vector.harness import TOP, harness_verilog
from tilewright.cocotb_tests.vector.operator_programs import operator_cases
from tilewright.sim.config.vector import VectorConfig

SEED = 20261124


@dataclass(frozen=True)
class Design:
    """A vector unit, and how many random programs it runs besides the operators."""

    config: VectorConfig
    programs: int

    @property
    def name(self) -> str:
        """Its lanes."""
        return f"{self.config.lanes} lanes"


SMALL = VectorConfig(lanes=4, scalars=64, address_bits=13)
DESIGNS = (
    Design(VectorConfig(lanes=2, scalars=32, address_bits=13), 12),
    Design(SMALL, 12),
    Design(VectorConfig(lanes=16, scalars=64, address_bits=13), 12),
)
"""The designs of the table."""


def random_cases(config: VectorConfig, count: int, *, commands: int = 60) -> list[Case]:
    """Return cases without and with NaN, infinities and subnormals, back to back and with gaps."""
    return [
        random_case(config, SEED + i, commands=commands, specials=0.2 * (i % 2), gap=(0, 0, 1, 7)[i % 4])
        for i in range(count)
    ]


def run_table(design: Design) -> list[dict]:
    """Build one design and run its cases; return a row for each."""
    config = design.config
    rows = run(config, [*operator_cases(config, SEED), *random_cases(config, design.programs)])
    return [{**row, "name": f"{design.name}: {row['name']}"} for row in rows]


def cosim(designs: tuple[Design, ...], jobs: int) -> Iterator[tuple[Design, list[dict]]]:
    """Run designs, ``jobs`` at a time; yield each with its rows as it ends."""
    yield from runner.side_by_side(run_table, sorted(designs, key=lambda design: -design.config.lanes), jobs)


@cache
def build(config: VectorConfig) -> Path:
    """Return the Verilated model of a unit and its bench."""
    return runner.build(harness_verilog(config), TOP)


def run(config: VectorConfig, cases: Sequence[Case], testcase: str = "cases", model: Path | None = None) -> list[dict]:
    """Run cases; return a row of the table for each.

    Raises
    ------
    BenchError
        If a word differs, or a cycle.
    """
    with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        (folder / "job.pickle").write_bytes(pickle.dumps((config, list(cases))))
        rows = folder / "rows.json"
        env = {"TILEWRIGHT_JOB": str(folder / "job.pickle"), "TILEWRIGHT_ROWS": str(rows)}
        runner.run(model or build(config), TOP, BENCH, folder=folder, env=env, testcase=testcase)
        return json.loads(rows.read_text()) if rows.exists() else []
