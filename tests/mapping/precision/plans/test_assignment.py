"""Assignments: within the budget, and as good as the best of all."""

from itertools import product

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.precision.plans.assignment import Assignment, Choice, assign, random_assignment
from tilewright.mapping.precision.plans.storage import parse_storage

STORAGES = [parse_storage(name)[0] for name in ("int3/32", "int4/32", "int5/32", "int8/channel")]
Choices = dict[str, list[Choice]]


def some_choices(seed: int, matrices: int = 6) -> Choices:
    """Return choices whose losses fall with bits, with sensitivities that are far apart, as real ones are."""
    rng = np.random.default_rng(seed)
    sizes, weights = rng.integers(1, 5, matrices), 10 ** rng.uniform(-2, 1, matrices)
    return {
        str(each): [
            Choice(storage, float(size * bits), float(weight * 4.0**-bits * rng.uniform(0.7, 1.4)))
            for storage, bits in zip(STORAGES, (3, 4, 5, 8), strict=True)
        ]
        for each, (size, weight) in enumerate(zip(sizes, weights, strict=True))
    }


def cost(choices: Choices, assignment: Assignment) -> tuple[float, float]:
    """Return bits and loss of an assignment."""
    chosen = [next(each for each in own if each.storage == assignment[name]) for name, own in choices.items()]
    return sum(each.bits for each in chosen), sum(each.loss for each in chosen)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bits", [3.2, 4.0, 5.5])
def test_an_assignment_is_nearly_the_best_within_the_budget(seed, bits):
    choices = some_choices(seed)
    budget = bits * sum(own[0].bits / 3 for own in choices.values())
    spent, loss = cost(choices, assign(choices, budget))
    every = [
        (sum(each.bits for each in chosen), sum(each.loss for each in chosen)) for chosen in product(*choices.values())
    ]
    assert spent <= budget
    # It is as good as the best one, but for bits that are left over at the end: no more than a step takes.
    step = max(own[-1].bits - own[0].bits for own in choices.values())
    assert loss <= min((lost for used, lost in every if used <= budget - step), default=np.inf) + 1e-12
    assert loss <= min(lost for used, lost in every if used <= spent) * 1.3


def test_a_wide_budget_gives_everything_its_least_loss():
    choices = some_choices(1)
    assert set(assign(choices, 1e9).values()) == {STORAGES[-1]}


def test_a_budget_that_cannot_be_met_is_refused():
    with pytest.raises(ConfigError, match=r"budget = 0 bytes is not allowed.* at least "):
        assign(some_choices(1), 2)


@pytest.mark.parametrize("seed", range(5))
def test_random_assignments_fill_the_budget_and_lose_more(seed):
    choices = some_choices(3, matrices=12)
    budget = 4.5 * sum(own[0].bits / 3 for own in choices.values())
    spent, loss = cost(choices, random_assignment(choices, budget, seed))
    assert 0.8 * budget < spent <= budget
    assert loss > cost(choices, assign(choices, budget))[1]
    assert random_assignment(choices, budget, seed) == random_assignment(choices, budget, seed)
