"""The search of the mapping finds the best one of its space, whatever it leaves out."""

import pytest

from tests.mapping.search.small_works import MODEL, SMALL, SPACE, work
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.mapping import Split
from tilewright.mapping.compile.whole_model import model_loops
from tilewright.mapping.models.phases import DECODE, ENCODE, PHASES, PREFILL
from tilewright.mapping.search import loop_search
from tilewright.mapping.search.loop_search import Best, LoopSearch
from tilewright.mapping.search.search import search, sum_of_runs
from tilewright.mapping.work import Work
from tilewright.sim.config.engine_rule import parse_rule
from tilewright.sim.config.npe import NpeConfig

SLOW = [(1, ENCODE), *((seed, phase) for seed in range(2, 14) for phase in PHASES)]
FAULTY = 1
"""A seed for which the best schedule is not one of those with the lowest bound."""
WORKS = [(1, DECODE), *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]


@pytest.mark.parametrize(("seed", "phase"), WORKS)
def test_nothing_better_is_left_out(seed, phase):
    some = work(seed, phase)
    pruned, all_ = search(some, SPACE), search(some, SPACE, prune=False)
    print(seed, phase, pruned.to_dict(), all_.to_dict())
    assert pruned.estimate_cycles == all_.estimate_cycles
    assert pruned.mappings == all_.mappings
    assert all_.counts.bounded == all_.bounded_chunk_sizes == 0
    assert abs(pruned.gap) < 0.01
    assert pruned.cycles <= pruned.default_cycles
    assert sum_of_runs(some, pruned.mapping) == pruned.cycles


def test_a_bound_that_is_none_is_seen(monkeypatch):
    some = work(FAULTY, DECODE)
    [loop, _] = model_loops(some.system.accelerator, some.graph)

    def best() -> Best | None:
        return LoopSearch(some.system, loop, Split.COLUMNS, SPACE).best()

    sound, least = best(), loop_search.least_run_cycles
    monkeypatch.setattr(loop_search, "least_run_cycles", lambda *run: 1.5 * least(*run))
    unsound = best()
    assert sound.cycles < unsound.cycles


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 40))])
def test_no_schedule_is_faster_than_its_bound(seed):
    for phase in (DECODE, PREFILL):
        some = work(seed, phase)
        for loop in model_loops(some.system.accelerator, some.chunks(7)[-1]):
            bounds = []
            made = LoopSearch(some.system, loop, Split.COLUMNS, SPACE)
            for each in made.candidates:
                bounds += [each.bound / cycles for _, cycles in made.cycles(each)]
            print(seed, phase, loop.name, f"{min(bounds):.1%} to {max(bounds):.1%}")
            assert bounds
            assert max(bounds) <= 1


def test_the_npe_is_refused():
    system = SMALL.with_({"npe": NpeConfig(rows=4, columns=4, modes=("bf16",))})
    some = Work(model=MODEL, system=system, phase=DECODE, context=8, engines=(parse_rule("mlp.*=npe:bf16"),))
    with pytest.raises(ConfigError, match="NPE are not allowed"):
        search(some)
