"""Co-simulation of the vector unit: which configurations and programs, and how they are run."""

import json
import pickle
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.cb_vector import BENCH
from tilewright.cocotb_tests.vector_cases import Case
from tilewright.cocotb_tests.vector_harness import TOP, harness_verilog
from tilewright.sim.config.vector import VectorConfig

SMALL = VectorConfig(lanes=4, scalars=64, address_bits=12)


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
