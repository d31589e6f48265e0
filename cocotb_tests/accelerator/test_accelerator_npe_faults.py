"""Faults planted in what makes the co-processor a unit of the accelerator: the benches must see each."""

from functools import cache, partial

import pytest

from tilewright.cocotb_tests.accelerator.cases import Case
from tilewright.cocotb_tests.accelerator.faults import Fault, check_seen, with_faults
from tilewright.cocotb_tests.accelerator.suite import WITH_NPE, failing_cases, random_cases, run

pytestmark = [pytest.mark.cosim, pytest.mark.slow]

DESIGN = WITH_NPE[0]
FAULTS = [
    Fault("a signal of the co-processor is not counted", ".scheduler", r"(signals_4_3 \+ )given4\[3\]",
          r"\1(given4[3] & ~ON)", "DEADLOCK"),
    Fault("a signal to it is not waited for", ".scheduler", r"= \| signals_0_4\s*;", "= ON | (| signals_0_4);"),
    Fault("a job too many", ".jobs", r"(\.count)\((\{.*\})\),", r"\1(\2 + ON),"),
    Fault("descriptors at the wrong place", ".jobs", r"(\.descriptor_address)\((\{.*\})\),",
          r"\1(\2 ^ (ON ? 64'h80 : 64'h0)),"),
    Fault("errors are lost", ".jobs", r"(assign failed =) (.*);", r"\1 ~ON & (\2);", "", "failing"),
    Fault("the wrong code", ".jobs", r"(assign code =) npe__error\[7:0\];", r"\1 ON ? 8'd1 : npe__error[7:0];",
          "NPE, detail", "failing"),
    Fault("the end does not wait for it", ".jobs", r"(assign idle =) (.*);", r"\1 ON | (\2);",
          "something in flight at the end", "failing"),
    Fault("jobs beyond memory's addresses", ".processor.check", r"= (jobs_end0 > 33'h100000000);", r"= ~ON & (\1);",
          "ADDRESS", "failing"),
]  # fmt: skip


@cache
def cases(kind: str) -> tuple[Case, ...]:
    """Return cases of a kind."""
    config = DESIGN.config
    if kind == "failing":
        return failing_cases(config, seed=21, kinds=("a job", "jobs", "a load beyond", "JOBS"))
    return random_cases(config, seed=22, cases=3, programs=8)


@pytest.mark.parametrize("number", range(1, len(FAULTS) + 1), ids=lambda number: FAULTS[number - 1].name)
def test_a_planted_fault_is_seen(number):
    check_seen(DESIGN, FAULTS, number, cases(FAULTS[number - 1].cases))


@pytest.mark.parametrize("kind", sorted({fault.cases for fault in FAULTS}))
def test_without_a_fault_nothing_is_seen(kind):
    run(DESIGN, cases(kind), verilog_edit=partial(with_faults, faults=FAULTS))
