"""Dot products of SIMD words, their results from sim.formats, and both as a stream for the bench."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.lib import data

from tilewright.cocotb_tests.arith.vectors import Vectors, payload, to_bytes
from tilewright.sim.formats import Mode, simd_sum

LAYOUT = data.StructLayout({"a": 16, "b": 16, "mode": 4, "out": 4, "first": 1, "last": 1})
"""Layout of the operands of a MAC."""


@dataclass(frozen=True)
class Dots:
    """Dot products of one mode and one length.

    Parameters
    ----------
    mode : Mode
        What the words hold.
    a, b : ndarray of uint16, shape (dots, length)
        Their words.
    out : ndarray, shape (dots,)
        The mode to whose format each result is rounded.
    read : ndarray of bool, shape (dots,)
        Whether there is a result; without, the dot product is abandoned.
    """

    mode: Mode
    a: np.ndarray
    b: np.ndarray
    out: np.ndarray
    read: np.ndarray

    @classmethod
    def of(cls, mode: Mode, a: np.ndarray, b: np.ndarray, out: Mode | np.ndarray) -> "Dots":
        """Return dot products that are all read, of words that broadcast."""
        a, b = np.broadcast_arrays(np.asarray(a, np.uint16), np.asarray(b, np.uint16))
        return cls(mode, a, b, np.broadcast_to(out, len(a)).astype(np.int64), np.ones(len(a), bool))

    @property
    def length(self) -> int:
        """Number of words of each dot product."""
        return self.a.shape[1]

    def results(self) -> np.ndarray:
        """Return the code of each dot product, also of dot products that are not read out."""
        sums, codes = simd_sum(self.mode, self.a, self.b), np.zeros(len(self.a), np.int64)
        for out in np.unique(self.out):
            chosen = self.out == out
            codes[chosen] = Mode(int(out)).format.encode(sums[chosen])
        return codes


def dots_vectors(groups: Sequence[Dots], rng: np.random.Generator | None = None) -> Vectors:
    """Return dot products one behind the other without a bubble, in random order if there is an ``rng``.

    ``out`` of words that are not the last of a dot product is anything.
    """
    lengths = np.concatenate([np.full(len(group.a), group.length) for group in groups])
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    begins = np.concatenate([[0], np.cumsum(lengths)])[order]
    lengths = lengths[order]
    ends = np.cumsum(lengths)
    # words[k]: where word k of the stream is in the groups.
    words = np.repeat(begins - (ends - lengths), lengths) + np.arange(ends[-1])
    a, b = (np.concatenate([getattr(group, side).reshape(-1) for group in groups])[words] for side in "ab")
    modes, outs, read = (
        np.concatenate(parts)[order]
        for parts in (
            [np.full(len(group.a), int(group.mode)) for group in groups],
            [group.out for group in groups],
            [group.read for group in groups],
        )
    )
    noise = np.random.default_rng(len(words)).integers(0, 1 << LAYOUT.members["out"], len(words))
    first, last, final = np.zeros((3, len(words)), bool)
    first[ends - lengths], last[ends - 1], final[ends - 1] = True, read, True
    out = np.where(final, np.repeat(outs, lengths), noise)
    stimuli = payload(LAYOUT, a=a, b=b, mode=np.repeat(modes, lengths), out=out, first=first, last=last)
    codes = np.concatenate([group.results() for group in groups])[order]
    return Vectors(
        to_bytes(stimuli, LAYOUT.size),
        to_bytes(codes[read], 16),
        last,
        np.flatnonzero(first),
        [("code", 16)],
    )


def joined(*parts: Vectors) -> Vectors:
    """Return vectors one behind the other."""
    begins = np.cumsum([0, *(len(part.stimuli) for part in parts[:-1])])
    return Vectors(
        np.concatenate([part.stimuli for part in parts]),
        np.concatenate([part.expected for part in parts]),
        np.concatenate([part.ends for part in parts]),
        np.concatenate([part.starts + begin for part, begin in zip(parts, begins, strict=True)]),
        parts[0].parts,
    )
