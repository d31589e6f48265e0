"""What a system needs for a target, what would improve it, and targets that are refused by their bound."""

import pytest

import tilewright as tw
from tests.mapping.tiny_models import SIZES
from tilewright.mapping.explore import require as module

MODEL = tw.LlamaConfig.model_validate({**SIZES, "model_type": "llama", "num_hidden_layers": 1, "vocab_size": 64})
TINY = tw.load_system("tiny")


def test_the_changed_system_reaches_the_target_and_the_unchanged_one_does_not():
    now = tw.map(MODEL, TINY, context=4)
    target = 1.3 * now.tokens_per_s
    found = tw.require(MODEL, TINY, tokens_per_s=target, context=4)
    again = tw.map(MODEL, TINY.with_(found.changes), context=4)
    assert again.tokens_per_s == found.result.tokens_per_s >= target > now.tokens_per_s
    factors = {need.resource: need.factor for need in found.needs}
    cycles = TINY.clock_mhz * 1e6 / target
    assert factors == {name: pytest.approx(bound / cycles) for name, bound in now.bounds.cycles.items()}
    assert all(need.factor <= need.most for need in found.needs)


def test_a_rate_that_the_system_has_asks_for_less_memory():
    now = tw.map(MODEL, TINY, context=4)
    found = tw.require(MODEL, TINY, tokens_per_s=0.5 * now.tokens_per_s, context=4)
    assert set(found.changes) == {"memory.bandwidth_mb_per_s"}
    assert found.changes["memory.bandwidth_mb_per_s"] < TINY.memory.bandwidth_mb_per_s
    assert found.result.tokens_per_s >= 0.5 * now.tokens_per_s


def test_an_energy_asks_for_another_memory():
    edge = tw.load_system("edge-int4").with_({"memory.kind": "DDR4"})
    now = tw.map("slate-132k", edge, context=4)
    target = 0.6 * now.energy_j
    found = tw.require("slate-132k", edge, tokens_per_s=1, joules_per_token=target, context=4)
    assert found.changes["memory.kind"] != "DDR4"
    assert found.result.energy_j <= target < now.energy_j


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ({"tokens_per_s": 336}, r"tokens_per_s = 336 is not allowed: main memory would have to be 4\.\d+ times as fast .* 2\.5 times .* at most 203\.\d tokens/s"),
        ({"tokens_per_s": 50, "joules_per_token": 1 / 173.02}, r"joules_per_token = 0.00577968 is not allowed: .* a bit may take 1.15 pJ, and the lowest figure, of LPDDR5X, is 3.75: at least 0.01884 J"),
    ],
)  # fmt: skip
def test_an_impossible_target_is_refused_with_its_bound_before_any_search(target, says, monkeypatch):
    for name in ("estimate", "map_model"):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("something was searched"))
    with pytest.raises(tw.ConfigError, match=says):
        tw.require("llama-3.2-1b", **target)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_target_is_a_number_above_nothing(rate):
    with pytest.raises(tw.ConfigError, match=r"tokens_per_s = \S+ is not allowed: it must be a number above 0"):
        tw.require(MODEL, TINY, tokens_per_s=rate)


def test_suggestions_are_exact_and_the_best_comes_first():
    found = tw.suggest(TINY, MODEL, context=4)
    now = tw.map(MODEL, TINY, context=4)
    assert now.tokens_per_s == pytest.approx(found.now["tokens"] / found.now["seconds"])
    assert 1 <= len(found.best) <= 3
    worths = [each.worth for each in found.best]
    assert worths == sorted(worths, reverse=True)
    best = found.best[0]
    again = tw.map(MODEL, TINY.with_(best.changes), context=4)
    assert best.faster == pytest.approx(again.tokens_per_s / now.tokens_per_s)
    assert best.joules == pytest.approx(again.energy_j / now.energy_j)
    assert "on a bus twice as wide" not in str(found.refused)


def test_a_change_has_the_area_that_it_adds_where_the_process_is_known():
    system = TINY.with_({"process": "SG13G2"})
    found = tw.suggest(system, MODEL, context=4)
    now = tw.map(MODEL, system, context=4).area
    assert now
    assert found.now["area_mm2"] == now.area_mm2
    for each in found.best:
        again = tw.map(MODEL, system.with_(each.changes), context=4).area
        assert again
        assert each.to_dict()["area_mm2"] == again.area_mm2 >= now.area_mm2


def test_a_system_that_cannot_run_the_model_has_no_suggestions():
    with pytest.raises(tw.ConfigError, match=r"no room in the scratchpad|address_bits"):
        tw.suggest("tiny", "llama-3.2-1b")
