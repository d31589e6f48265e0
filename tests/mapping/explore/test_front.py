"""Pareto fronts against their definition, one pair of designs at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.mapping.explore.front import boxes, dominated, front

POINTS = st.integers(1, 3).flatmap(
    lambda columns: st.lists(st.tuples(*[st.integers(0, 6)] * columns), min_size=1, max_size=40)
)


def dominates(one, other) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


@given(POINTS)
def test_the_front_is_what_no_design_dominates(points):
    expected = [at for at, point in enumerate(points) if not any(dominates(other, point) for other in points)]
    assert front(np.array(points, float)).tolist() == expected


@given(POINTS, st.integers(0, 2))
def test_a_distance_spares_designs_that_are_near(points, distance):
    expected = [any(dominates([cost + distance for cost in other], point) for other in points) for point in points]
    costs = np.array(points, float)
    assert dominated(costs, costs, distance).tolist() == expected


@given(POINTS, st.sampled_from([0.5, 1.0, 3.0]))
def test_an_epsilon_front_has_a_design_near_each(points, epsilon):
    costs = np.array(points, float)
    kept = costs[boxes(costs, epsilon)]
    near = (kept[None] <= costs[:, None] + np.log1p(epsilon)).all(axis=2).any(axis=1)
    assert near.all()
    assert len(kept) <= len(points)


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_a_front_of_many_designs_is_that_of_its_chunks(columns, monkeypatch):
    costs = np.random.default_rng(columns).integers(0, 30, (600, columns)).astype(float)
    whole = front(costs)
    monkeypatch.setattr("tilewright.mapping.explore.front.CHUNK", 7)
    assert np.array_equal(front(costs), whole)
