"""The vector unit in RTL against its exact model."""

import pytest

from tilewright.cocotb_tests.vector.cases import random_case
from tilewright.cocotb_tests.vector.directed_programs import directed_case
from tilewright.cocotb_tests.vector.operator_programs import operator_cases
from tilewright.cocotb_tests.vector.suite import SEED, SUITES, VectorSuite, random_cases
from tilewright.sim.config.vector import VectorConfig

pytestmark = pytest.mark.cosim

SMALL = SUITES[1]


def test_random_programs_leave_the_same_bits_in_the_same_cycles():
    rows = SMALL.simulate("table", random_cases(SMALL.config, 8))
    assert len(rows) == 8
    assert sum(row["commands"] for row in rows) == 8 * 63
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


def test_operators_of_transformer_layers():
    rows = SMALL.simulate("table", operator_cases(SMALL.config, SEED))
    assert len(rows) == 8


def test_directed_passes():
    [row] = SMALL.simulate("table", [directed_case(SMALL.config)])
    assert row["mismatches"] == row["apart"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [2, 16])
def test_other_widths(lanes):
    config = VectorConfig(lanes=lanes, scalars=32, address_bits=13)
    rows = VectorSuite(config).simulate("table", random_cases(config, 12, commands=200))
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


@pytest.mark.slow
def test_many_random_programs():
    rows = SMALL.simulate("table", random_cases(SMALL.config, 100, commands=200))
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


def test_a_reset_at_any_time_leaves_it_as_new():
    cases = [random_case(SMALL.config, SEED, commands=20), *random_cases(SMALL.config, 6, commands=4)]
    SMALL.simulate("reset_in_flight", cases)
