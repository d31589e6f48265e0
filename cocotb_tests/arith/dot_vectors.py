"""Dot products for the exact MAC, and their results from sim.formats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

import numpy as np
from amaranth.lib import data

from tilewright.cocotb_tests.arith.vectors import Vectors, negated, payload, to_bytes
from tilewright.sim.formats import Posit, Quire, ScalarFormat, scalar


@dataclass(frozen=True)
class Dot:
    """One dot product: codes, and how many of its products each read-out covers; none if it is abandoned."""

    a: np.ndarray
    b: np.ndarray
    reads: tuple[int, ...]

    @classmethod
    def of(cls, a, b) -> "Dot":
        return cls(np.asarray(a, np.int64), np.asarray(b, np.int64), (len(a),))


def flags(lengths: Sequence[int], reads: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Return ``first`` and ``last`` of sums of some lengths, one behind the other."""
    begins = np.concatenate([[0], np.cumsum(lengths)])
    first, last = np.zeros((2, begins[-1]), bool)
    first[begins[:-1]] = True
    last[[begin + read - 1 for begin, ends in zip(begins, reads, strict=False) for read in ends]] = True
    return first, last


def dot_vectors(format: ScalarFormat, layout: data.StructLayout, dots: Sequence[Dot]) -> Vectors:
    """Return the dot products one after the other, each read-out rounded once."""
    results = []
    for start in range(0, len(dots), 128):
        reads = [(dot, read) for dot in dots[start : start + 128] for read in dot.reads]
        longest = max((read for _, read in reads), default=0)
        # Zeros behind the last product add nothing.
        a, b = np.zeros((2, len(reads), longest), np.int64)
        for row, (dot, read) in enumerate(reads):
            a[row, :read], b[row, :read] = dot.a[:read], dot.b[:read]
        quire = Quire(format, shape=(len(reads),))
        quire.add_products(a, b)
        limit = 1 << (format.quire_bits - 1)
        assert all(-limit <= total < limit for total in quire.integers()), "a sum does not fit into the quire"
        results.append(format.dot(a, b))
    return _rounded(format, layout, dots, np.concatenate(results))


def core_vectors(format: Posit, layout: data.StructLayout, dots: Sequence[Dot]) -> Vectors:
    """Return the dot products in the form of a :class:`.mac_core.MacCore`: decoded operands, and sums in the quire."""
    finite = np.arange(1 << format.bits) != format.nan_code
    width = format.quire_bits
    results = []
    for dot in dots:
        # A NaR counts as 0 in the sum, and is told beside it.
        a, b = (np.where(finite[codes], codes, 0) for codes in (dot.a, dot.b))
        usable = finite[dot.a] & finite[dot.b]
        for read in dot.reads:
            quire = Quire(format)
            quire.add_products(np.where(usable, a, 0)[:read], np.where(usable, b, 0)[:read])
            [total] = np.atleast_1d(quire.integers())
            results.append(int(total) % (1 << width) | int(not usable[:read].all()) << width)
    parts = [np.concatenate([getattr(dot, side) for dot in dots]) for side in ("a", "b")]
    a, b = (_taken_apart(format, layout[side].shape, codes) for side, codes in zip("ab", parts, strict=True))
    return _sums(f"{format.name} sum", layout, dots, a, b, results, width + 1)


def _taken_apart(format: Posit, layout: data.StructLayout, codes: np.ndarray) -> np.ndarray:
    """Return operands of a MAC core: significands in two's complement, in [1, 2) or [-2, -1)."""
    values = format.decode(codes)
    nan = np.isnan(values)
    values = np.where(nan, 0, values)
    # abs(values) == mantissa * 2 ** exponent, the mantissa in [0.5, 1).
    mantissa, exponent = np.frexp(values)
    scale = np.where(mantissa == -0.5, exponent - 2, exponent - 1)
    significand = np.ldexp(values, -scale + format.significand_bits - 1).astype(np.int64)
    scale = np.where(values == 0, 0, scale).astype(np.int64)
    words = (part & ((1 << layout[name].width) - 1) for name, part in (("significand", significand), ("scale", scale)))
    return payload(layout, **dict(zip(("significand", "scale"), words, strict=True)), nan=nan)


def wrapping_dot_vectors(format: ScalarFormat, layout: data.StructLayout, dots: Sequence[Dot]) -> Vectors:
    """Return finite dot products whose sums leave the quire, and the rounded remainder in it."""
    results = []
    for dot in dots:
        quire = Quire(format)
        quire.add_products(dot.a, dot.b)
        [total] = np.atleast_1d(quire.integers())
        half = 1 << (format.quire_bits - 1)
        assert not -half <= total < half, "a sum fits into the quire"
        wrapped = (int(total) + half) % (2 * half) - half
        results.append(scalar.encode(format, Fraction(wrapped) * Fraction(2) ** format.quire_lsb))
    return _rounded(format, layout, dots, np.array(results))


def _rounded(format: ScalarFormat, layout: data.StructLayout, dots: Sequence[Dot], results: np.ndarray) -> Vectors:
    a, b = (np.concatenate([getattr(dot, side) for dot in dots]) for side in ("a", "b"))
    return _sums(f"{format.name} dot", layout, dots, a, b, results, format.bits)


def _sums(
    name: str,
    layout: data.StructLayout,
    dots: Sequence[Dot],
    a: np.ndarray,
    b: np.ndarray,
    results: np.ndarray | list[int],
    o_bits: int,
) -> Vectors:
    first, last = flags([len(dot.a) for dot in dots], [dot.reads for dot in dots])
    assert last.sum() == len(results)
    stimuli = payload(layout, a=a, b=b, first=first, last=last)
    return Vectors(
        to_bytes(stimuli, layout.size), to_bytes(results, o_bits), last, np.flatnonzero(first), [(name, o_bits)]
    )


def special_codes(format: ScalarFormat) -> np.ndarray:
    """Return codes of NaR, NaN, infinities."""
    codes = np.arange(1 << format.bits)
    return codes[~np.isfinite(format.decode(codes))]


def random_dots(format: ScalarFormat, products: int, rng: np.random.Generator) -> Iterator[Dot]:
    """Yield dot products of 1 to 64 random products, more than ``products`` in all.

    A tenth has specials, a tenth is read more than once, a twentieth is abandoned; factors are any codes, or of like
    size, so that much cancels and ties occur.
    """
    specials = special_codes(format)
    finite = np.setdiff1d(np.arange(1 << format.bits), specials)
    order = finite[np.argsort(format.decode(finite), kind="stable")]
    done = 0
    while done < products:
        length = int(rng.choice([1, 1, 2, 3, int(rng.integers(1, 65))]))
        if rng.random() < 0.5:
            a, b = rng.choice(finite, (2, length))
        else:
            # Neighbours in value, of either sign.
            centre = rng.integers(0, len(order), (2, 1))
            spread = max(2, len(order) >> int(rng.integers(0, 8)))
            a, b = order[np.clip(centre + rng.integers(-spread, spread, (2, length)), 0, len(order) - 1)]
            flip = rng.random(length) < 0.5
            a = np.where(flip, negated(format, a), a)
        if length > 1 and rng.random() < 0.3:
            # The second half takes the first away again, but for its end.
            half = length // 2
            a[half : 2 * half], b[half : 2 * half] = negated(format, a[:half]), b[:half]
        if len(specials) and rng.random() < 0.1:
            places = rng.integers(0, length, int(rng.integers(1, 4)))
            (a if rng.random() < 0.5 else b)[places] = rng.choice(specials, len(places))
        reads: tuple[int, ...] = (length,)
        kind = rng.random()
        if kind < 0.05:
            reads = ()
        elif kind < 0.15:
            reads = tuple(sorted({length, *rng.integers(1, length + 1, 2).tolist()}))
        yield Dot(a, b, reads)
        done += length


def long_dots(format: ScalarFormat, count: int, rng: np.random.Generator) -> Iterator[Dot]:
    """Yield dot products of 1000 to 1500 random products."""
    finite = np.setdiff1d(np.arange(1 << format.bits), special_codes(format))
    for _ in range(count):
        length = int(rng.integers(1000, 1500))
        a, b = rng.choice(finite, (2, length))
        a = np.where(np.arange(length) % 2 == 1, negated(format, a), a)
        yield Dot.of(a, b)


def extreme_dots(format: ScalarFormat) -> Iterator[Dot]:
    """Yield sums in which the largest products cancel and the smallest one is left, in every order; and specials.

    Also 64 of the largest products of either sign, carries that run through the whole quire, and sums halfway between
    neighbours.
    """
    high, low, one, none = (int(code) for code in format.encode([format.max, format.min, 1.0, 0.0]))
    minus_high, minus_low, minus_one = (int(negated(format, np.array(code))) for code in (high, low, one))
    products = [(high, high), (high, minus_high), (low, low), (minus_low, low), (one, one), (minus_one, one)]
    for count in (2, 3, 4):
        for chosen in permutations(products, count):
            yield Dot.of(*zip(*chosen, strict=True))
    for a in (high, minus_high):
        yield Dot.of([a] * 64, [high] * 64)
        yield Dot.of([a] * 63 + [minus_low], [high] * 63 + [low])
    # All bits change at each step: -1, 0, -1, ... in units of the last place.
    yield Dot(np.array([minus_low, low] * 20), np.array([low] * 40), tuple(range(1, 41)))
    # Ties to the even code below and to that above.
    near_one = np.arange(one, one + 4)
    halves = format.encode(np.diff(format.decode(np.append(near_one, one + 4))) / 2).astype(np.int64)
    for code, half in zip(near_one, halves, strict=True):
        yield Dot.of([code, half], [one, one])
        yield Dot.of([code, half], [minus_one, minus_one])
    for special in special_codes(format)[:200]:
        for other in (high, none, minus_one, *special_codes(format)[:8]):
            # It stays to the end; the next sum knows nothing of it.
            yield Dot(np.array([one, special, one]), np.array([one, other, high]), (1, 2, 3))
            yield Dot(np.array([other, minus_one]), np.array([special, low]), (1, 2))
            yield Dot(np.array([special]), np.array([other]), ())
            yield Dot.of([one, low], [minus_one, low])
