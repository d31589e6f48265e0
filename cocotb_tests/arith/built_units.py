"""Units in their harness, built once and run on any number of operands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amaranth.hdl import Const

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.arith.cb_arith import BENCH, TESTS
from tilewright.cocotb_tests.arith.harness import TOP, Care, harness_verilog
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.job import Job
from tilewright.hw.arith.unit import Unit

DEPTH = 1 << 16
"""Capacity of the harness's memories; longer runs fill them several times."""


@dataclass(frozen=True)
class BuiltUnits:
    """A built harness."""

    model: Path
    latencies: Sequence[int]
    stalls: Sequence[bool]
    """Whether the results of each unit can wait."""
    verilog: str

    @classmethod
    def of(
        cls,
        units: Sequence[Unit],
        *,
        latencies: Sequence[int] | None = None,
        care: Care | None = None,
        alike: bool = False,
        edit: Callable[[str], str] | None = None,
        optimisation: str = "-O0",
        activity: bool = False,
    ) -> "BuiltUnits":
        """Build units of one function in their harness.

        Parameters
        ----------
        units : sequence of Unit
            The same function with different stages, back-pressure or style.
        latencies, care, alike
            As for :class:`.arith_harness.ArithHarness`.
        edit : callable, optional
            Changes the Verilog before it is built.
        optimisation, activity
            As for :func:`.runner.build`.
        """
        expected = [unit.LATENCY for unit in units] if latencies is None else list(latencies)
        verilog = harness_verilog(units, depth=DEPTH, latencies=expected, care=care, alike=alike)
        if edit:
            verilog = edit(verilog)
        stalls = [not isinstance(unit.o.ready, Const) for unit in units]
        model = runner.build(verilog, TOP, optimisation=optimisation, activity=activity)
        return cls(model, expected, stalls, verilog)

    def run(
        self,
        vectors: Vectors,
        testcase: str | None = "replay",
        *,
        seed: int = 1,
        fault: int = 0,
        activity: Path | None = None,
    ) -> list[dict]:
        """Run one test of the bench, or all of them.

        Parameters
        ----------
        vectors : Vectors
            Operands and expected results.
        testcase : str or None
            A test of :mod:`.cb_arith`; None for all but ``table``.
        fault : int
            Number of the planted fault that is in force, 0 for none.
        activity : Path, optional
            Where to write how often each net toggled.

        Returns
        -------
        list of dict
            For each unit ``rtl_cycles``, ``model_cycles``, ``values`` and ``mismatches``.

        Raises
        ------
        BenchError
            If a value, a cycle or a stream is not as it should be; in ``table`` if a result is missing.
        """
        job = Job(
            cases=[vectors],
            seed=seed,
            options={"depth": DEPTH, "latencies": list(self.latencies), "stalls": list(self.stalls)},
        )
        return runner.run_job(self.model, TOP, BENCH, job, testcase=testcase or TESTS, fault=fault, activity=activity)
