"""The vector unit in RTL beside its golden model and its cycle model."""

import numpy as np
import pytest

from tilewright.cocotb_tests import runner, vector
from tilewright.cocotb_tests.vector_cases import Case, fill_scalars, random_program, scratchpad, show_scalars
from tilewright.cocotb_tests.vector_harness import TOP, harness_verilog
from tilewright.sim.config.vector import VectorConfig

pytestmark = pytest.mark.cosim
SEED = 20261124


def random_case(config: VectorConfig, seed: int, *, commands: int, specials: float = 0.0, gap: int = 0) -> Case:
    """Return a random program on random numbers, scalars filled before and written out behind it."""
    rng = np.random.default_rng(seed)
    program = (*fill_scalars(config), *random_program(config, rng, commands), *show_scalars(config))
    return Case(f"random, seed {seed}", scratchpad(config, rng, specials=specials), program, gap)


def random_cases(config: VectorConfig, count: int, *, commands: int = 60) -> list[Case]:
    """Return cases without and with NaN, infinities and subnormals, back to back and with gaps."""
    return [
        random_case(config, SEED + i, commands=commands, specials=0.1 * (i % 2), gap=(0, 0, 1, 7)[i % 4])
        for i in range(count)
    ]


def test_random_programs_leave_the_same_bits_in_the_same_cycles():
    rows = vector.run(vector.SMALL, random_cases(vector.SMALL, 8))
    assert len(rows) == 8
    assert sum(row["commands"] for row in rows) == 8 * 63
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [2, 16])
def test_other_widths(lanes):
    config = VectorConfig(lanes=lanes, scalars=32, address_bits=12)
    rows = vector.run(config, random_cases(config, 12, commands=200))
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


@pytest.mark.slow
def test_many_random_programs():
    rows = vector.run(vector.SMALL, random_cases(vector.SMALL, 100, commands=200))
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


def test_a_reset_at_any_time_leaves_it_as_new():
    cases = [random_case(vector.SMALL, SEED, commands=20), *random_cases(vector.SMALL, 6, commands=4)]
    vector.run(vector.SMALL, cases, "reset_in_flight")


def test_lint_finds_nothing():
    assert runner.lint(harness_verilog(vector.SMALL), TOP) == ""
