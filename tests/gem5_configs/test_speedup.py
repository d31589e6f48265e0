"""Speed-ups: what is drawn as predicted and as measured."""

import pytest

from tilewright.gem5_configs.runs import PUBLISHED, baselines, read_runs
from tilewright.gem5_configs.speedup import FREQUENCIES, VARIANTS, measured_speedups, predicted_speedups

RUNS = read_runs(PUBLISHED)


def test_measured_points_are_those_of_the_published_runs():
    points = measured_speedups(baselines(RUNS, "o3", PUBLISHED), RUNS)
    assert list(points["npb-bt-size-s"]) == list(VARIANTS)
    # 48.554 ms over 4.689 ms.
    assert dict(points["npb-bt-size-s"]["super-core-l1"])[100] == pytest.approx(10.355, abs=1e-3)
    assert sorted(dict(points["gapbs-bfs"]["super-core"])) == [10, 50, 100]
    in_order = measured_speedups(baselines(RUNS, "minor", PUBLISHED), RUNS)
    assert set(in_order["npb-bt-size-s"]) == {"super-core", "super-everything"}
    # Clocks count, not names: the board of this run has 1 GHz.
    assert set(in_order["gapbs-bfs"]) == {"super-core", "super-core-l1-l2-l3"}


def test_predicted_curves_start_at_one_and_never_fall():
    for curves in predicted_speedups(baselines(RUNS, "o3", PUBLISHED)).values():
        for variant, curve in curves.items():
            ghz, speedups = zip(*curve, strict=True)
            assert ghz == FREQUENCIES
            assert speedups[0] == pytest.approx(1, abs=0.02 if variant == "super-everything" else 1e-9)
            assert list(speedups) == sorted(speedups)
