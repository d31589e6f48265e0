"""The slowest clock that is enough."""

import pytest

from tilewright.gem5_configs.needed_clock import kept_speedup, needed_ghz, slowest
from tilewright.gem5_configs.runs import PUBLISHED, baselines, read_runs

FOUND = baselines(read_runs(PUBLISHED), "o3", PUBLISHED)


def test_bisection_finds_where_a_condition_begins_to_hold():
    assert slowest(lambda ghz: ghz >= 17.5, 1, 100) == pytest.approx(17.5)
    assert slowest(lambda ghz: ghz >= 0.5, 1, 100) is None
    with pytest.raises(ValueError, match="high_ghz = 100 is not enough"):
        slowest(lambda ghz: ghz >= 101, 1, 100)


@pytest.mark.parametrize("parts", [("l1",), ("l2",), ("l1", "l2", "l3")])
def test_the_clock_keeps_the_share_and_a_slower_one_does_not(parts):
    for run in FOUND.values():
        ghz = needed_ghz(run, parts, 0.9, 100, 4)
        assert ghz is not None
        assert kept_speedup(run, parts, ghz, 100) == pytest.approx(0.9, abs=1e-6)
        assert kept_speedup(run, parts, 0.99 * ghz, 100) < 0.9


def test_all_is_kept_where_nothing_is_slow():
    assert kept_speedup(FOUND["gapbs-bfs"], ("l1", "l2"), 100, 100) == 1


def test_a_level_that_is_hardly_asked_may_be_as_slow_as_it_likes():
    # 9,318 accesses of the third level in 423 million instructions.
    assert needed_ghz(FOUND["npb-bt-size-s"], ("l3",), 0.9, 100, 4) is None
