"""Rules by which the next token is chosen from logits."""

from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Rule by which tokens are chosen.

    Parameters
    ----------
    temperature : float
        Divisor of logits, 0 to 100; with 0, the most probable token is chosen, of equal ones the first.
    top_k : int
        Number of most probable tokens among which one is drawn; 0 stands for all.
    top_p : float
        Among the most probable tokens, the fewest whose probabilities add up to at least this are drawn from; above 0,
        at most 1.
    seed : int
        Seed of the draws, at least 0.

    Raises
    ------
    ConfigError
        If a value is not allowed; names it.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, good, allowed in (
            ("temperature", 0 <= self.temperature <= 100, "0 to 100"),
            ("top_k", self.top_k >= 0, "0, for all tokens, or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0, at most 1"),
            ("seed", self.seed >= 0, "0 or more"),
        ):
            if not good:
                raise ConfigError(f"{name} = {getattr(self, name)} is not allowed: {allowed}")


class Sampler:
    """Chooses tokens by a rule; its draws follow from the seed and the number of draws before."""

    def __init__(self, sampling: Sampling):
        self.sampling = sampling
        self._random = np.random.default_rng(sampling.seed)

    def choose(self, logits: np.ndarray) -> int:
        """Return the next token, given the logits of all tokens, (vocabulary,)."""
        if not self.sampling.temperature:
            return int(np.argmax(logits))
        order, probabilities = self._candidates(logits.astype(np.float64))
        return int(self._random.choice(order, p=probabilities))

    def _candidates(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens that may be drawn, the most probable one first, and their probabilities."""
        order = np.argsort(-logits, kind="stable")[: self.sampling.top_k or None]
        scaled = (logits[order] - logits[order[0]]) / self.sampling.temperature
        probabilities = np.exp(scaled) / np.exp(scaled).sum()
        # The token with which the sum reaches top_p is the last one.
        before = np.cumsum(probabilities) - probabilities
        kept = before < self.sampling.top_p
        return order[kept], probabilities[kept] / probabilities[kept].sum()
