"""The speed of simulations is that of real runs."""

from dataclasses import replace
from functools import partial

import pytest

from benchmarks.simulation_speed import speed
from tilewright.cocotb_tests.accelerator.suite import SUITES, random_cases


@pytest.mark.slow
@pytest.mark.cosim
def test_seconds_and_cycles_of_a_run():
    suite = replace(SUITES[0], make_cases=partial(random_cases, seed=3, cases=1, programs=1))
    seen = speed(suite)
    assert seen.cycles > 100
    assert 0 < seen.seconds < 60
