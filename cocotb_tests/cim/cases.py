"""Cases of the benches of CIM tile and array: products of seeded random matrices, and memory timings."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tilewright.sim.config import TileConfig
from tilewright.sim.machine.memory.timed_memory import TimedMemory


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Memory timing of the two memories: latency in cycles, rate in words per cycle, refresh of both."""

    weight_latency: int = 1
    weight_rate: Fraction = Fraction(1)
    activation_latency: int = 1
    activation_rate: Fraction = Fraction(1)
    refresh_period: int = 1
    refresh_cycles: int = 0

    def memories(self) -> tuple[TimedMemory, TimedMemory]:
        """Return models of the weight and the activation memory."""
        refresh = {"refresh_period": self.refresh_period, "refresh_cycles": self.refresh_cycles}
        return (
            TimedMemory(latency=self.weight_latency, rate=self.weight_rate, **refresh),
            TimedMemory(latency=self.activation_latency, rate=self.activation_rate, **refresh),
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One product ``(m x k) @ (k x n)`` of seeded random matrices over the full range of their formats."""

    name: str
    m: int
    k: int
    n: int
    reduce: bool = False
    """Flag of an array: the sums of the tiles are added."""
    narrow: bool = False
    """Flag: weights have the narrow format of the tile."""
    timing: Timing = Timing()
    seed: int = 1

    def matrices(self, config: TileConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return x of shape (m, k), w of shape (k, n), and scales of shape (groups of k, n) if groups have any."""
        rng = np.random.default_rng(self.seed)
        x_range = 1 << config.macro.input_bits - 1
        x = rng.integers(-x_range, x_range, (self.m, self.k))
        w = rng.choice(config.stored_weights(self.narrow).counts, (self.k, self.n))
        if not config.group_rows:
            return x, w, None
        return x, w, rng.integers(0, 1 << config.scale_bits, (-(-self.k // config.group_rows), self.n))


def product(config: TileConfig, x: np.ndarray, w: np.ndarray, scales: np.ndarray | None) -> np.ndarray:
    """Return ``y = x @ w``, each group of a column times its scale, group by group as the formula has it."""
    if scales is None:
        return x @ w
    factors = scales if config.group_scale == "uint8" else 1 << scales
    size = config.group_rows
    starts = range(0, w.shape[0], size)
    return sum((x[:, k : k + size] @ w[k : k + size]) * factor for k, factor in zip(starts, factors, strict=True))
