"""Units in their harness, built once and run on any number of operands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Const

from tilewright.cocotb_tests.arith.cb_arith import BENCH, TESTS
from tilewright.cocotb_tests.arith.harness import TOP, Care, harness_verilog
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.foreign import ForeignDesign
from tilewright.cocotb_tests.harness.rtl_coverage import Record
from tilewright.cocotb_tests.harness.structure import instances_of
from tilewright.cocotb_tests.harness.suite import Bench
from tilewright.hw.arith.unit import Unit

DEPTH = 1 << 16
"""Capacity of the harness's memories; longer runs fill them several times."""
UNIT = "unit"
"""Name of the instance of a unit, in the part of the harness that drives it."""


@dataclass(frozen=True, kw_only=True)
class UnitsBench(Bench):
    """Units of one function side by side in their harness."""

    text: str
    """The harness as Verilog."""
    latencies: Sequence[int]
    stalls: Sequence[bool]
    """Whether the results of each unit can wait."""
    optimisation: str = "-O0"
    activity: bool = False
    peephole = False
    top = TOP
    coroutines = BENCH
    config = None
    circuit = "unit0"

    @classmethod
    def of(
        cls,
        units: Sequence[Unit],
        *,
        latencies: Sequence[int] | None = None,
        care: Care | None = None,
        alike: bool = False,
        apart: bool = False,
        edit: Callable[[str], str] | None = None,
        optimisation: str = "-O0",
        activity: bool = False,
    ) -> "UnitsBench":
        """Return the bench of units of one function.

        Parameters
        ----------
        units : sequence of Unit
            The same function with different stages, back-pressure or style.
        latencies, care, alike, apart
            As for :class:`.arith.harness.ArithHarness`.
        edit : callable, optional
            Changes the Verilog.
        optimisation, activity
            As for :func:`.runner.build`.
        """
        expected = [unit.LATENCY for unit in units] if latencies is None else list(latencies)
        verilog = harness_verilog(units, depth=DEPTH, latencies=expected, care=care, alike=alike, apart=apart)
        return cls(
            text=edit(verilog) if edit else verilog,
            latencies=expected,
            stalls=[not isinstance(unit.o.ready, Const) for unit in units],
            optimisation=optimisation,
            activity=activity,
        )

    def verilog(self) -> str:
        return self.text

    def covered(self, verilog: str) -> list[tuple[str, ...]]:
        """Return the paths of all units."""
        return [path for path, _ in instances_of(verilog, self.top) if path[-1] == UNIT]

    def options(self) -> dict[str, Any]:
        return {"depth": DEPTH, "latencies": list(self.latencies), "stalls": list(self.stalls)}

    def run(
        self,
        vectors: Vectors,
        testcase: str | None = "replay",
        *,
        seed: int = 1,
        activity: Path | None = None,
        waves: Path | None = None,
        record: Record | None = None,
        foreign: ForeignDesign | None = None,
    ) -> list[dict]:
        """Run one test of the bench, or all of them.

        Parameters
        ----------
        vectors : Vectors
            Operands and expected results.
        testcase : str or None
            A test of :mod:`.cb_arith`; None for all but ``table``.
        activity : Path, optional
            Where to write how often each net toggled.
        waves : Path, optional
            Wave file.
        record : Record, optional
            Record to which the coverage is added.
        foreign : ForeignDesign, optional
            Circuit instead of the only unit, which must be ``apart``.

        Returns
        -------
        list of dict
            For each unit ``rtl_cycles``, ``model_cycles``, ``values`` and ``mismatches``.

        Raises
        ------
        BenchError
            If a value, a cycle or a stream is not as it should be; in ``table`` if a result is missing.
        """
        return self.simulate(
            testcase or TESTS, [vectors], seed=seed, toggles=activity, waves=waves, record=record, foreign=foreign
        )  # fmt: skip
