"""A circuit with planted faults, and the tests that all of them are detected and that nothing else is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import pytest

from tilewright.cocotb_tests.harness.faults import (
    NUMBER_BITS,
    READER_VERILOG,
    Fault,
    FunctionFault,
    TextFault,
    planted,
    with_text_faults,
)
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.harness.suite import Bench
from tilewright.cocotb_tests.runner import BenchError


@dataclass(frozen=True, kw_only=True)
class FaultySuite:
    """A bench whose one model has all the faults; each run puts one of them or none in force.

    Parameters
    ----------
    bench : callable
        Function that returns the bench. With a :class:`FunctionFault` among the faults, the circuit must be elaborated
        within this call or within :meth:`.Bench.verilog`, and no cache may keep what comes of it.
    faults : sequence of Fault
        Faults; their numbers are their positions, from 1 on.
    cases : callable
        Function from the name of cases to the cases, which are made once.
    name : str
        Name in the names of tests.
    options : mapping
        Options of :meth:`.Bench.simulate`.
    """

    bench: Callable[[], Bench]
    faults: Sequence[Fault]
    cases: Callable[[str], Sequence[Any]] = lambda name: ()
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert len(self.faults) < 1 << NUMBER_BITS

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Tests and names of their cases by which the faults are detected, each pair once."""
        return sorted({(fault.testcase, fault.cases) for fault in self.faults})

    @cached_property
    def _made_cases(self) -> dict[str, Sequence[Any]]:
        return {}

    def _cases_of(self, name: str) -> Sequence[Any]:
        if name not in self._made_cases:
            self._made_cases[name] = self.cases(name)
        return self._made_cases[name]

    @cached_property
    def _built(self) -> tuple[Bench, Callable[[str], str]]:
        numbered = list(enumerate(self.faults, 1))
        functions = [(number, fault) for number, fault in numbered if isinstance(fault, FunctionFault)]
        texts = [(number, fault) for number, fault in numbered if isinstance(fault, TextFault)]
        if functions:
            with planted(functions):
                bench = self.bench()
                verilog = bench.verilog()
        else:
            bench = self.bench()
            verilog = bench.verilog()
        if texts:
            verilog = with_text_faults(verilog, bench.top, texts)
        verilog += READER_VERILOG
        return bench, lambda _: verilog

    def build(self) -> None:
        """Build the model unless it is there: a model that cannot be built detects no fault."""
        bench, edit = self._built
        bench.build(edit)

    def run(self, testcase: str, cases: str | Sequence[Any] = "", number: int = 0) -> list[dict]:
        """Run a test with a fault in force, or with none; return the rows that it leaves.

        Raises
        ------
        BenchError
            If the test fails, or if a row differs from the exact model.
        """
        bench, edit = self._built
        chosen = self._cases_of(cases) if isinstance(cases, str) else cases
        rows = bench.simulate(testcase, chosen, edit=edit, fault=number, **self.options)
        try:
            if rows:
                check_rows(rows)
        except AssertionError as error:
            raise BenchError(f"{testcase}: {error}") from error
        return rows


class FaultTests:
    """Tests that each planted fault is detected, and that the same runs detect nothing without a fault.

    A test module makes a subclass whose name begins with ``Test``.

    Members
    -------
    suites : sequence of FaultySuite
        Suites whose faults are tested.
    """

    suites: ClassVar[Sequence[FaultySuite]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test for each fault and for each run."""
        if "number" in metafunc.fixturenames:
            numbered = [
                pytest.param(suite, number, id=": ".join(filter(None, [suite.name, fault.name])))
                for suite in self.suites
                for number, fault in enumerate(suite.faults, 1)
            ]
            metafunc.parametrize(("suite", "number"), numbered)
        elif "testcase" in metafunc.fixturenames:
            runs = [
                pytest.param(suite, *run, id=": ".join(filter(None, [suite.name, *run])))
                for suite in self.suites
                for run in suite.runs
            ]
            metafunc.parametrize(("suite", "testcase", "cases"), runs)

    def test_a_planted_fault_is_detected(self, suite: FaultySuite, number: int) -> None:
        fault = suite.faults[number - 1]
        suite.build()
        with pytest.raises(BenchError, match=rf"(?s)^{fault.testcase}: .*{fault.says}") as detected:
            suite.run(fault.testcase, fault.cases, number)
        print(str(detected.value)[:400])

    def test_without_a_fault_nothing_is_detected(self, suite: FaultySuite, testcase: str, cases: str) -> None:
        suite.run(testcase, cases)
