"""Fronts of made-up designs, whose exact results are all known: none is missed, whatever estimates say within their
error."""

import numpy as np
import pytest

from tests.mapping.explore.made_up import ERROR, MadeUp, space, use
from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.explore import explore
from tilewright.mapping.explore.objectives import Limit
from tilewright.mapping.explore.space import SearchOptions
from tilewright.sim.config import load_system


def true_front(made_up: MadeUp, limits=()) -> set[tuple[float, float]]:
    """Return the objectives of the designs that no design dominates, one pair of designs at a time."""
    points = {
        (float(seconds), float(joules))
        for seconds, joules, refused in zip(made_up.seconds, made_up.joules, made_up.refused, strict=True)
        if not refused and all(limit(seconds, joules) for limit in limits)
    }
    return {(a, b) for a, b in points if not any(c <= a and d <= b and (c, d) != (a, b) for c, d in points)}


def found_front(result) -> set[tuple[float, float]]:
    return {(point.objectives["latency_s"], point.objectives["energy_j"]) for point in result.front}


@pytest.mark.parametrize("seed", range(50))
def test_the_front_is_the_true_one_and_the_recommendation_is_on_it(seed, monkeypatch):
    made_up = MadeUp(space(5, 6, 7), seed)
    use(made_up, monkeypatch.setattr)
    result = explore(made_up.space)
    assert found_front(result) == true_front(made_up)
    assert len(found_front(result)) == len(result.front) > 1
    best = result.recommended.objectives
    assert (best["latency_s"], best["energy_j"]) in true_front(made_up)
    assert result.candidates < result.legal, "estimates left nothing out"
    products = [point.objectives["edp_js"] for point in result.front]
    assert best["edp_js"] == min(products)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("method", [None, "bounds"])
def test_the_front_of_three_objectives_with_area_is_the_true_one(seed, method, monkeypatch):
    base = load_system("tiny").with_(process="SG13G2")
    limits = {"area_mm2": Limit(at_most=3.5)} if seed % 2 else {}
    names = ("latency_s", "energy_j", "area_mm2") if seed % 3 else ("edp_js", "area_mm2")
    made_up = MadeUp(
        space(5, 6, 7, base=base, objectives=dict.fromkeys(names, 1.0), constraints=limits,
              search=SearchOptions(method=method)), seed
    )  # fmt: skip
    use(made_up, monkeypatch.setattr)
    result = explore(made_up.space)
    points = {
        (seconds, joules, area) if seed % 3 else (seconds * joules, area)
        for seconds, joules, area, refused in zip(
            made_up.seconds, made_up.joules, made_up.area, made_up.refused, strict=True
        )
        if not refused and (not limits or area <= 3.5)
    }
    true = {p for p in points if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)}
    assert {tuple(point.objectives[name] for name in names) for point in result.front} == true
    assert tuple(result.recommended.objectives[name] for name in names) in true
    assert result.candidates < result.legal


@pytest.mark.parametrize("seed", range(5))
def test_estimates_that_are_worse_than_stated_are_found_out(seed, monkeypatch):
    made_up = MadeUp(space(5, 6, 7), seed, error=0.2)
    use(made_up, monkeypatch.setattr, stated=0.01)
    result = explore(made_up.space)
    assert found_front(result) == true_front(made_up)
    assert result.error.stated_worst == 0.01 < result.error.worst <= result.error.margin


@pytest.mark.parametrize("seed", range(5))
def test_constraints_hold_for_the_exact_results(seed, monkeypatch):
    limits = {"latency_s": Limit(at_most=0.02), "tokens_per_j": Limit(at_least=50.0)}
    made_up = MadeUp(space(5, 6, 7, constraints=limits), seed)
    use(made_up, monkeypatch.setattr)
    expected = true_front(made_up, (lambda seconds, joules: seconds <= 0.02 and 1 / joules >= 50.0,))
    assert found_front(explore(made_up.space)) == expected


@pytest.mark.parametrize("seed", range(20))
def test_bounds_below_the_exact_results_leave_out_nothing_of_the_front(seed, monkeypatch):
    limits = {"latency_s": Limit(at_most=0.025)} if seed % 2 else {}
    made_up = MadeUp(space(5, 6, 7, search=SearchOptions(method="bounds"), constraints=limits), seed)
    use(made_up, monkeypatch.setattr)
    result = explore(made_up.space)
    expected = true_front(made_up, (lambda seconds, joules: not limits or seconds <= 0.025,))
    assert found_front(result) == expected
    assert result.candidates < result.legal, "bounds left nothing out"


def test_an_impossible_constraint_is_refused_with_the_best_value(monkeypatch):
    made_up = MadeUp(space(3, 3, 3, constraints={"latency_s": Limit(at_most=1e-6)}), 1)
    use(made_up, monkeypatch.setattr)
    with pytest.raises(
        ConfigError, match=r"constraints.latency_s: at_most = 1e-06 .* best of 27 legal designs has about 0"
    ):
        explore(made_up.space)
    assert made_up.calls == 0


@pytest.mark.parametrize("seed", range(5))
def test_an_epsilon_front_is_near_the_true_one_with_fewer_runs(seed, monkeypatch):
    made_up = MadeUp(space(5, 6, 7, search=SearchOptions(epsilon=0.2)), seed, refused=0)
    use(made_up, monkeypatch.setattr)
    result = explore(made_up.space)
    assert result.candidates < explore(space(5, 6, 7)).candidates
    worse = 1.2 * (1 + ERROR) / (1 - ERROR)
    for a, b in true_front(made_up):
        assert any(c <= a * worse and d <= b * worse for c, d in found_front(result))


def test_too_many_exact_runs_are_refused_before_the_first(monkeypatch):
    made_up = MadeUp(space(5, 6, 7, search=SearchOptions(exact_limit=3)), 0)
    use(made_up, monkeypatch.setattr)
    with pytest.raises(ConfigError, match=r"search.exact_limit = 3 is not allowed: \d+ designs may be on the front"):
        explore(made_up.space)
    assert made_up.calls == 0


def test_a_space_without_a_legal_design_says_why(monkeypatch):
    made_up = MadeUp(space(3, 3), 0)
    use(made_up, monkeypatch.setattr)
    monkeypatch.setattr(
        "tilewright.mapping.explore.by_estimates.estimate",
        lambda workload, designs: type(
            "E", (), {"fits": np.zeros(9, bool), "seconds": 1.0, "energy_at": lambda level: 1.0}
        ),
    )
    with pytest.raises(ConfigError, match="none of 9 designs is legal; the first one: "):
        explore(made_up.space)


def test_a_study_that_is_resumed_runs_nothing_again(tmp_path, monkeypatch):
    made_up = MadeUp(space(5, 6, 7), 3)
    use(made_up, monkeypatch.setattr)
    first = explore(made_up.space, study=tmp_path / "study")
    calls = made_up.calls
    again = explore(made_up.space, study=tmp_path / "study")
    assert made_up.calls == calls > 0
    assert again.to_dict() == first.to_dict()


def test_nsga2_finds_most_of_the_front_and_follows_its_seed(monkeypatch):
    pytest.importorskip("pymoo")
    options = SearchOptions(method="nsga2", population=20, generations=15)
    made_up = MadeUp(space(5, 6, 7, search=options), 4, refused=0)
    use(made_up, monkeypatch.setattr)
    first, again, other = (explore(made_up.space, seed=seed) for seed in (1, 1, 2))
    assert first.method == "nsga2"
    assert first.to_dict()["front"] == again.to_dict()["front"]
    assert first.legal <= 210
    assert first.evaluated == other.evaluated == 300
    near = sum(any(c <= 1.1 * a and d <= 1.1 * b for c, d in found_front(first)) for a, b in true_front(made_up))
    assert near >= 0.8 * len(true_front(made_up))


def test_progress_begins_with_nothing_and_ends_with_all(monkeypatch):
    monkeypatch.setattr("tilewright.mapping.explore.search.CHUNK", 50)
    made_up = MadeUp(space(5, 6, 7), 0)
    use(made_up, monkeypatch.setattr)
    seen = []
    result = explore(made_up.space, watch=seen.append)
    designs = [each.done for each in seen if each.what == "designs"]
    assert designs[:6] == [0, 50, 100, 150, 200, 210]
    runs = [each for each in seen if each.what == "exact runs"]
    assert runs[-1].done == runs[-1].total >= result.candidates
    assert all(each.done <= each.total for each in seen)
