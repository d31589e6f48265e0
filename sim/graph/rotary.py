"""Rotary embedding: the angles by which the pairs of a head turn at each position."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rotary:
    """Rotary embedding of a head: element i and the element half a head after it turn as a pair.

    At position p pair i turns by ``p * frequencies[i]``; pairs without a frequency, after those with one, stay as they
    are.
    """

    frequencies: tuple[float, ...]
    """Angle of each pair from a position to the next, in radians."""
    scale: float = 1.0
    """Factor of the elements of the pairs that turn."""

    @classmethod
    def plain(cls, base: float, size: int) -> "Rotary":
        """Return the embedding of a head of ``size`` elements, whose frequencies are powers of a base."""
        return cls(tuple((base ** (-np.arange(0, size, 2) / size)).tolist()))

    def tables(self, positions: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the cosines and sines for a head of ``size`` elements, each (positions, size), float64.

        Raises
        ------
        ValueError
            If the head has fewer pairs than there are frequencies.
        """
        rest = size // 2 - len(self.frequencies)
        if rest < 0:
            raise ValueError(f"{len(self.frequencies)} frequencies are too many for a head of {size} elements")
        angles = np.arange(positions)[:, None] * np.array(self.frequencies)
        stay = (0, 0), (0, rest)
        cosines = np.pad(np.cos(angles) * self.scale, stay, constant_values=1.0)
        sines = np.pad(np.sin(angles) * self.scale, stay)
        return np.tile(cosines, 2), np.tile(sines, 2)
