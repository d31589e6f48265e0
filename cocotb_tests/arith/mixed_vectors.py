"""Dot products for the mixed MAC, and their sums in exact rationals, from the definitions of the formats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from amaranth.lib import data

from tilewright.cocotb_tests.arith.dot_vectors import flags
from tilewright.cocotb_tests.arith.vectors import Vectors, payload, to_bytes
from tilewright.hw.arith.mixed_mac import GUARD_BITS, SumShape
from tilewright.sim.formats import Minifloat, Posit, ScalarFormat, scalar

NARROWEST = 3
"""Width of the narrowest weights."""


@dataclass(frozen=True)
class MixedDot:
    """One dot product: widths and codes of weights, codes of activations, number of products of each read-out."""

    widths: np.ndarray
    weights: np.ndarray
    activations: np.ndarray
    reads: tuple[int, ...]

    @classmethod
    def of(cls, width: int, weights, activations, reads: tuple[int, ...] | None = None) -> "MixedDot":
        """Return a dot product whose weights have one width; it is read out at its end unless ``reads`` are given."""
        weights, activations = np.asarray(weights, np.int64), np.asarray(activations, np.int64)
        return cls(np.full(len(weights), width), weights, activations, (len(weights),) if reads is None else reads)


def mixed_vectors(
    weights: Posit, activations: Minifloat, layout: data.StructLayout, dots: Sequence[MixedDot]
) -> Vectors:
    """Return the dot products one after the other; a narrow weight is decoded in its own format, and aligned."""
    shape = SumShape.of(weights, activations)
    widths, codes, inputs = (
        np.concatenate([getattr(dot, name) for dot in dots]) for name in ("widths", "weights", "activations")
    )
    first, last = flags([len(dot.widths) for dot in dots], [dot.reads for dot in dots])
    # A product in units of the sum's last bit is an integer.
    unit = Fraction(2) ** shape.lsb
    factors = {n: [_value(Posit(n, weights.es), code) for code in range(1 << n)] for n in np.unique(widths).tolist()}
    others = [_value(activations, code) for code in range(1 << activations.bits)]
    expected = []
    total, nan = 0, False
    for n, code, other, begins, ends in zip(
        widths.tolist(), codes.tolist(), inputs.tolist(), first, last, strict=True
    ):  # fmt: skip
        a, b = factors[n][code], others[other]
        if begins:
            total, nan = 0, False
        if a is None or b is None:
            nan = True
        else:
            product = a * b / unit
            assert product.denominator == 1, "a product has bits below the sum"
            total += product.numerator
        if ends:
            assert nan or -(1 << shape.bits - 1) <= total < 1 << shape.bits - 1, "a sum does not fit"
            expected.append(total % (1 << shape.bits) | nan << shape.bits)
    stimuli = payload(layout, weight=codes << (weights.n - widths), activation=inputs, first=first, last=last)
    return Vectors(
        to_bytes(stimuli, layout.size),
        to_bytes(expected, shape.bits + 1),
        last,
        np.flatnonzero(first),
        [("sum", shape.bits), ("nan", 1)],
    )


def _value(format: ScalarFormat, code: int) -> Fraction | None:
    """Return the value of a code; None for NaR and NaN."""
    value = scalar.decode(format, code)
    if value is scalar.Special.NAN:
        return None
    return value if isinstance(value, Fraction) else Fraction(0)


def every_product(weights: Posit, activations: Minifloat) -> Iterator[MixedDot]:
    """Yield every product of weights of every width, each as a dot product of its own."""
    inputs = np.arange(1 << activations.bits)
    for width in range(NARROWEST, weights.n + 1):
        for code in range(1 << width):
            for activation in inputs:
                yield MixedDot.of(width, [code], [activation])


def full_sums(weights: Posit, activations: Minifloat) -> Iterator[MixedDot]:
    """Yield sums of as many products as always fit, all of them the largest, of either sign."""
    high, big = (int(format.encode(format.max)) for format in (weights, activations))
    most = 1 << GUARD_BITS
    for code in (high, -high % (1 << weights.n)):
        yield MixedDot.of(weights.n, [code] * most, [big] * most, (1, 2, most // 2, most - 1, most))


def changing_sums(weights: Posit, activations: Minifloat) -> Iterator[MixedDot]:
    """Yield sums of which all bits change in each step."""
    (high, low), (big, small) = (
        [int(code) for code in format.encode([format.max, format.min])] for format in (weights, activations)
    )
    minus_high, minus_low = -high % (1 << weights.n), -low % (1 << weights.n)
    # -1, 0, -1, ... in units of the last place, and around the largest product.
    yield MixedDot.of(weights.n, [minus_low, low] * 20, [small] * 40, tuple(range(1, 41)))
    codes, inputs = [high, minus_low, low, minus_high] * 20, [big, small, small, big] * 20
    yield MixedDot.of(weights.n, codes, inputs, tuple(range(1, 81)))


def random_dots(weights: Posit, activations: Minifloat, products: int, rng: np.random.Generator) -> Iterator[MixedDot]:
    """Yield dot products of 1 to 200 products, at least ``products`` in all, the width of each weight its own.

    In a third the second half takes the first away again; a tenth has NaR or NaN, a tenth is read more than once, a
    twentieth is abandoned.
    """
    numbers = np.flatnonzero(~np.isnan(activations.decode(np.arange(1 << activations.bits))))
    no_numbers = np.setdiff1d(np.arange(1 << activations.bits), numbers)
    done = 0
    while done < products:
        length = int(rng.choice([1, 1, 2, 3, int(rng.integers(1, 50)), int(rng.integers(1, 201))]))
        widths = rng.integers(NARROWEST, weights.n + 1, length)
        sign = 1 << (widths - 1)
        # Any code but NaR.
        codes = rng.integers(0, 2 * sign - 1)
        codes += codes >= sign
        inputs = rng.choice(numbers, length)
        if length > 1 and rng.random() < 0.3:
            half = length // 2
            widths[half : 2 * half], inputs[half : 2 * half] = widths[:half], inputs[:half]
            codes[half : 2 * half] = -codes[:half] % (1 << widths[:half])
        if rng.random() < 0.1:
            at = int(rng.integers(0, length))
            if rng.random() < 0.5 or not len(no_numbers):
                codes[at] = 1 << (widths[at] - 1)
            else:
                inputs[at] = rng.choice(no_numbers)
        reads: tuple[int, ...] = (length,)
        kind = rng.random()
        if kind < 0.05:
            reads = ()
        elif kind < 0.15:
            reads = tuple(sorted({length, *rng.integers(1, length + 1, 2).tolist()}))
        yield MixedDot(widths, codes, inputs, reads)
        done += length
