"""Weights as the CIM array takes them: integers, a scale for each column, and scales for groups of rows."""

from dataclasses import dataclass

import numpy as np

from tilewright.sim.formats import BF16
from tilewright.sim.machine.vector_values import encode

GROUP_SCALE = 255
"""Largest scale of a group."""


@dataclass(frozen=True)
class QuantisedWeights:
    """``weights[k, n] = codes[k, n] * groups[k // group, n] * columns[n]``, nearly; ``groups`` may be absent."""

    codes: np.ndarray
    """(k, n) int8."""
    columns: np.ndarray
    """(n,) float32, each a BF16 number."""
    groups: np.ndarray | None
    """(ceil(k / group), n) uint8."""
    group: int = 0

    @property
    def values(self) -> np.ndarray:
        """What the codes stand for, float64."""
        steps = self.columns.astype(np.float64)
        if self.groups is not None:
            steps = np.repeat(self.groups * steps, self.group, axis=0)[: len(self.codes)]
        return self.codes * steps

    def constants(self, name: str) -> dict[str, np.ndarray]:
        """Return the constants of a projection as they are stored, by their names."""
        constants = {f"{name}.codes": self.codes, f"{name}.columns": encode("bf16", self.columns)}
        return constants if self.groups is None else constants | {f"{name}.groups": self.groups}


def quantise_weights(weights: np.ndarray, bits: int, group: int = 0) -> QuantisedWeights:
    """Return weights as integers of ``bits`` bits, symmetric: the largest magnitude of a group is the largest code.

    Scales are rounded first, so that the codes make up for it.

    Parameters
    ----------
    weights : ndarray, (k, n)
        Row k meets element k of the activations.
    bits : int
        4 or 8.
    group : int
        Rows that share a scale; 0: all.
    """
    k, n = weights.shape
    largest = (1 << bits - 1) - 1
    size = group or k
    padded = np.pad(weights.astype(np.float64), ((0, -k % size), (0, 0)))
    wanted = np.abs(padded.reshape(-1, size, n)).max(axis=1) / largest
    columns = wanted.max(axis=0) / (GROUP_SCALE if group else 1)
    columns = BF16.decode(BF16.encode(columns))
    columns[columns == 0] = 1
    groups = np.clip(np.rint(wanted / columns), 1, GROUP_SCALE) if group else np.ones((1, n))
    steps = np.repeat(groups * columns, size, axis=0)[:k]
    codes = np.clip(np.rint(weights / steps), -largest - 1, largest).astype(np.int8)
    return QuantisedWeights(codes, columns.astype(np.float32), groups.astype(np.uint8) if group else None, group)
