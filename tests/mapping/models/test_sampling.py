"""Rules by which tokens are chosen."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.sampling import Sampler, Sampling

LOGITS = np.log(np.array([0.1, 0.4, 0.05, 0.25, 0.2], np.float32))


def shares(draws: int = 4000, **rule: float) -> np.ndarray:
    sampler = Sampler(Sampling(**rule))
    return np.bincount([sampler.choose(LOGITS) for _ in range(draws)], minlength=len(LOGITS)) / draws


def test_without_temperature_the_most_probable_token_is_chosen_the_first_of_equal_ones():
    assert Sampler(Sampling()).choose(LOGITS) == 1
    assert Sampler(Sampling(top_k=3, top_p=0.1)).choose(np.array([1.0, 3.0, 3.0])) == 1


def test_draws_have_the_probabilities_of_the_logits():
    assert np.abs(shares(temperature=1.0) - np.exp(LOGITS)).max() < 0.03
    squared = np.exp(2 * LOGITS) / np.exp(2 * LOGITS).sum()
    assert np.abs(shares(temperature=0.5) - squared).max() < 0.03


def test_only_the_most_probable_tokens_are_drawn():
    assert (shares(temperature=1.0, top_k=2) > 0).tolist() == [False, True, False, True, False]
    # 0.4 + 0.25 is less than 0.7, and the next token is the last one.
    assert (shares(temperature=1.0, top_p=0.7) > 0).tolist() == [False, True, False, True, True]
    assert (shares(temperature=1.0, top_p=1e-9) > 0).tolist() == [False, True, False, False, False]


def test_draws_follow_from_the_seed():
    texts = [[sampler.choose(LOGITS) for _ in range(50)] for sampler in map(Sampler, map(_seeded, (3, 3, 4)))]
    assert texts[0] == texts[1] != texts[2]


def _seeded(seed: int) -> Sampling:
    return Sampling(temperature=1.0, seed=seed)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"temperature": -0.5}, r"temperature = -0\.5 is not allowed: 0 to 100"),
        ({"temperature": float("nan")}, "temperature = nan is not allowed: 0 to 100"),
        ({"top_k": -1}, "top_k = -1 is not allowed: 0, for all tokens, or more"),
        ({"top_p": 0.0}, r"top_p = 0\.0 is not allowed: above 0, at most 1"),
        ({"top_p": 1.5}, r"top_p = 1\.5 is not allowed: above 0, at most 1"),
        ({"seed": -1}, "seed = -1 is not allowed: 0 or more"),
    ],
)
def test_a_rule_that_is_not_allowed_names_its_value(rule, message):
    with pytest.raises(ConfigError, match=message):
        Sampling(**rule)
