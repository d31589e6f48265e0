"""Idle parts of the SIMD MAC stand still: toggles of gates, beside a MAC without isolation that has the same words."""

from pathlib import Path

import numpy as np
import pytest

from tilewright.cocotb_tests.arith.harness import TOP
from tilewright.cocotb_tests.harness.activity import counts
from tilewright.cocotb_tests.mac.dots import dots_vectors
from tilewright.cocotb_tests.mac.toggles import KINDS, Activity, build, count, words
from tilewright.sim.formats import XR_NPE_MODES, Mode

pytestmark = [pytest.mark.cosim, pytest.mark.slow]


@pytest.fixture(scope="module")
def bench():
    """Return the MACs of the modes of XR-NPE: words of four lanes, of two and of one."""
    return build(XR_NPE_MODES)


@pytest.fixture(scope="module")
def everything():
    """Return the MACs of all modes."""
    return build()


def test_a_counter_toggles_as_counters_do(bench, tmp_path: Path):
    operands = dots_vectors(words(Mode.POSIT8_0, "random", 8, np.random.default_rng(1)))
    file = tmp_path / "toggles.saif"
    bench.run(operands, activity=file)
    bits = counts(file.read_text())[f"{TOP}.channel0"]
    # Bit k of a counter of the words toggles every 2**k words; behind the last word it is cleared.
    number = len(operands.stimuli)
    up = sum(number >> k for k in range(32))
    assert sum(bits[f"accepted[{k}]"] for k in range(32)) in (up, up + number.bit_count())


def check(activity: Activity) -> None:
    """Assert that idle parts stand still, and parts that a zero leaves idle."""
    print(activity.mode.label, activity.kind, activity.ratio("gates"), activity.ratio("registers"))
    assert activity.ratio("gates") < 0.95
    assert activity.ratio("registers") < 1.001


@pytest.mark.parametrize("mode", XR_NPE_MODES, ids=lambda mode: mode.label)
def test_idle_parts_stand_still(bench, mode):
    [activity] = count(bench, [mode], ["random"], dots=8)
    check(activity)


def test_zeros_leave_parts_idle(bench):
    [activity] = count(bench, [Mode.FP4_E2M1], ["half zero"], dots=8)
    check(activity)
    assert activity.ratio("gates") < 0.8


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.label)
def test_idle_parts_stand_still_in_every_mode(everything, mode):
    for activity in count(everything, [mode], KINDS, dots=32, seed=2):
        check(activity)
        if mode.lanes == 4:
            assert activity.ratio("gates") <= 0.65
