"""Co-simulation of the arithmetic units: how a bench is run, and the designs of the table."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Const, Value

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.arith_harness import LINE_WORDS, TOP, Care, harness_verilog
from tilewright.cocotb_tests.arith_vectors import Vectors
from tilewright.cocotb_tests.cb_arith import BENCH
from tilewright.hw.arith.unit import Unit

MOST_WORDS = 1 << 16
"""Largest capacity of the harness's memories; longer runs fill them several times."""


def run_bench(
    units: Sequence[Unit],
    vectors: Vectors,
    testcase: str | None = "replay",
    *,
    seed: int = 1,
    latencies: Sequence[int] | None = None,
    care: Care | None = None,
) -> list[dict]:
    """Build units of one function in their harness and run one test of its bench, or all of them.

    Parameters
    ----------
    units : sequence of Unit
        The same function with different stages, back-pressure or style.
    vectors : Vectors
        Operands and expected results.
    testcase : str or None
        A test of :mod:`.cb_arith`; None for all.
    latencies, care
        As for :class:`.arith_harness.ArithHarness`.

    Returns
    -------
    list of dict
        For each unit ``rtl_cycles``, ``model_cycles``, ``values`` and ``mismatches`` of the test ``replay``.

    Raises
    ------
    BenchError
        If a value, a cycle or a stream is not as it should be.
    """
    depth = min(MOST_WORDS, 1 << max(LINE_WORDS, len(vectors.stimuli) - 1).bit_length())
    expected_latencies = [unit.LATENCY for unit in units] if latencies is None else list(latencies)
    verilog = harness_verilog(units, depth=depth, latencies=expected_latencies, care=care)
    model = runner.build(verilog, TOP)
    with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        job: dict[str, Any] = {
            "depth": depth,
            "latencies": expected_latencies,
            "stalls": not isinstance(units[0].o.ready, Const),
            "parts": list(vectors.parts),
            "seed": seed,
            "rows": str(folder / "rows.json"),
        }
        for part in ("stimuli", "expected", "ends", "starts"):
            job[part] = str(folder / f"{part}.npy")
            np.save(job[part], getattr(vectors, part))
        (folder / "job.json").write_text(json.dumps(job))
        runner.run(
            model, TOP, BENCH, folder=folder, env={"TILEWRIGHT_JOB": str(folder / "job.json")}, testcase=testcase
        )
        rows = folder / "rows.json"
        return json.loads(rows.read_text()) if rows.exists() else []
