"""The vector unit's functions under Verilator, against the exact model, bit for bit and cycle by cycle."""

import functools

import pytest

from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.vector.functions_harness import COMPONENTS, LATENCY, FunctionUnit
from tilewright.cocotb_tests.vector.functions_vectors import function_vectors

pytestmark = pytest.mark.cosim
EACH = pytest.mark.parametrize("name", COMPONENTS)


@functools.cache
def built(name: str) -> UnitsBench:
    """Return a bench, built once."""
    return UnitsBench.of([FunctionUnit(name)], latencies=[LATENCY[name]], optimisation="-O1")


@EACH
def test_every_bit_in_its_cycle(name):
    [row] = built(name).run(function_vectors(name, 150_000))
    print(f"{name}: {row}")
    assert row["values"] > 150_000


@EACH
@pytest.mark.parametrize("testcase", ["random_waits", "reset_in_flight"])
def test_gaps_and_resets_change_nothing(name, testcase):
    built(name).run(function_vectors(name, 20_000), testcase)


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("seed", [2, 3])
def test_millions_of_numbers(name, seed):
    print(f"seed {seed}")
    [row] = built(name).run(function_vectors(name, 2_000_000, seed=seed))
    assert row["values"] > 2_000_000
