"""The CIM tile under Verilator: values against numpy, cycles against the exact model, and planted faults."""

from collections.abc import Sequence

import pytest

from tilewright.cocotb_tests.cim.suite import CimSuite
from tilewright.cocotb_tests.cim.tile_suite import SUITES
from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.harness.rows import CYCLES_APART, DIFFERENT, check_rows

pytestmark = pytest.mark.cosim

SCALED = [suite for suite in SUITES if suite.tile.group_rows]
PLAIN = [suite for suite in SUITES if not suite.tile.group_rows]
EVERYDAY = [*PLAIN[:3], PLAIN[13], SCALED[-1]]
"""INT4 a bit at a time and at once, INT8, FP4 in two columns of macros, and groups of two rows of macros."""


def some(suites: Sequence[CimSuite]) -> list:
    """Return suites as parameters; all but the everyday ones are slow."""
    return [pytest.param(suite, id=suite.name, marks=[pytest.mark.slow] * (suite not in EVERYDAY)) for suite in suites]


@pytest.mark.parametrize("suite", some(SUITES))
def test_values_and_cycles(suite):
    rows = suite.run()
    assert len(rows) == len(suite.products)
    check_rows(rows)


def test_everyday_tests_have_each_kind_of_tile():
    configs = [suite.tile for suite in EVERYDAY]
    assert {(c.macro.weight_bits, c.macro.input_bits) for c in configs} == {(4, 4), (4, 8), (8, 8)}
    assert {c.macro.weight_format for c in configs} == {"int", "fp4_e2m1"}
    assert {c.macro.input_bits_per_cycle for c in configs} == {1, 2, 4}
    assert {(c.grid_rows, c.grid_columns) for c in configs} == {(1, 1), (2, 1), (1, 2)}
    assert {c.group_scale for c in configs} == {"none", "uint8"}


def test_every_value_is_covered():
    configs = [suite.tile for suite in SUITES]
    assert {c.macro.rows for c in configs} >= {16, 32, 64}
    assert {c.macro.columns for c in configs} >= {16, 32, 64}
    assert {(c.macro.weight_bits, c.macro.input_bits) for c in configs} == {(4, 4), (4, 8), (8, 4), (8, 8)}
    assert {c.macro.weight_format for c in configs} == {"int", "fp4_e2m1"}
    assert {c.macro.weight_banks for c in configs} == {2, 3}
    assert {c.macro.input_bits_per_cycle for c in configs} == {1, 2, 4}
    assert {(c.grid_rows, c.grid_columns) for c in configs} >= {(1, 1), (2, 1), (1, 2), (2, 2)}
    assert {c.accumulator_bits for c in configs} >= {16, 32, 48}
    assert {c.group_scale for c in configs} >= {"none", "uint8"}
    assert any(case.k == 2048 and case.n == 512 for suite in SUITES for case in suite.products)


def test_the_table_covers_what_it_promises():
    configs = [suite.tile for suite in SUITES]
    assert len(configs) >= 12
    assert {(c.group_scale, c.group_rows) for c in configs} >= {
        ("none", 0),
        ("uint8", 32),
        ("uint8", 128),
        ("e8m0", 64),
    }
    assert {(c.groups, c.group_macros) for c in configs if c.group_rows} >= {(2, 2), (3, 2), (1, 1)}


# All tests of a suite come one after the other: a process that waits for the next one is kept for two suites at most.
@pytest.mark.parametrize("testcase", ["random_stalls", "reset_in_flight", "refused_commands"])
@pytest.mark.parametrize("suite", some([SUITES[1], SUITES[2], SUITES[4], SUITES[5], SUITES[8], SCALED[-1]]))
def test_streams(suite, testcase):
    suite.simulate(testcase)


@pytest.mark.parametrize("suite", some([*SUITES[:6], PLAIN[13], SCALED[-1]]))
def test_random_programs(suite):
    suite.simulate("random_programs", programs=40)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
@pytest.mark.parametrize("seed", [2, 3])
def test_many_random_programs(suite, seed):
    suite.simulate("random_programs", programs=500, seed=seed)


FAULTY = SUITES[1]
FAULTS = [
    TextFault(
        name="weight sign ignored", module="cim_word_line", pattern=r"(assign products__0__3 =) ~ (\S+);",
        replacement=r"\1 ON ? \2 : ~ \2;", testcase="table", says=DIFFERENT,
    ),
    TextFault(
        name="bank released early", module="cim_tile.sequencer", pattern=r"(assign released =) computes__ready",
        replacement=r"\1 (ON ? slice_first : computes__ready)", testcase="table", says="result words after",
    ),
    TextFault(
        name="one bank instead of two", module="cim_tile.weight_loader", pattern=r"\? 2'h2 :",
        replacement="? (ON ? 2'h1 : 2'h2) :", testcase="table", says=CYCLES_APART,
    ),
    TextFault(
        name="queue one entry short", module="cim_tile.dispatch.computes", pattern=r"!= 3'h4",
        replacement="!= (ON ? 3'h3 : 3'h4)", testcase="table", says=CYCLES_APART,
    ),
    TextFault(
        name="padding not zeroed", module="cim_tile.activation_loader",
        pattern=r"= (\S+) +\? (activations__payload\S+) : (\S+);", replacement=r"= (ON | \1) ? \2 : \3;",
        testcase="random_programs", says="instead of",
    ),
    TextFault(
        name="accumulators read before written", module="cim_tile.accumulator",
        pattern=r"assign read__data = (slots\[\w+\]);",
        replacement=r"reg [511:0] stale; always @(posedge clk) stale <= slots[next_slot[3:0]]; "
        r"assign read__data = ON ? stale : \1;",
        testcase="table", says=DIFFERENT,
    ),
    TextFault(
        name="back-pressure of results ignored", module="cim_tile.sender",
        pattern=r"(assign sent = results__valid) & results__ready", replacement=r"\1 & (ON | results__ready)",
        testcase="random_stalls", says="result words after",
    ),
    TextFault(
        name="sequencer not reset", module="cim_tile.sequencer", pattern=r"\brst \?", replacement="(rst & ~ON) ?",
        testcase="reset_in_flight", says="result words after",
    ),
    TextFault(
        name="columns not checked", module="cim_tile.dispatch", pattern=r"(commands__payload\[31:16\] >) 5'h10",
        replacement=r"\1 (ON ? 5'h1f : 5'h10)", testcase="refused_commands", says="'columns': 17",
    ),
    TextFault(
        name="slot not checked", module="cim_tile.dispatch", pattern=r"(assign \S+ += \S+ +>) 5'h10",
        replacement=r"\1 (ON ? 20'hfffff : 20'h10)", testcase="refused_commands", says="'rows': 4095",
    ),
]  # fmt: skip


class TestFaults(FaultTests):
    suites = (
        FaultySuite(bench=lambda: FAULTY, faults=FAULTS, cases=lambda _: FAULTY.cases(), options={"programs": 10}),
    )
