"""Dot products for the SIMD MAC: every pair, random ones, and those at which something may go wrong."""

from collections.abc import Iterable, Sequence

import numpy as np

from tilewright.cocotb_tests.arith.vectors import all_pairs, corner_codes
from tilewright.cocotb_tests.mac.dots import Dots
from tilewright.sim.formats import BF16, Int, Minifloat, Mode, ScalarFormat, pack


def negated(format: ScalarFormat, codes: np.ndarray) -> np.ndarray:
    """Return the codes of the negative values; the integer that has none stays."""
    mask = (1 << format.bits) - 1
    return codes ^ (1 << (format.bits - 1)) if isinstance(format, Minifloat) else -codes & mask


def finite_codes(format: ScalarFormat) -> np.ndarray:
    """Return the codes that are numbers, in the order of their values."""
    codes = np.arange(1 << format.bits)
    values = format.decode(codes)
    return codes[np.isfinite(values)][np.argsort(values[np.isfinite(values)], kind="stable")]


def special_codes(format: ScalarFormat) -> np.ndarray:
    """Return NaR, the NaNs and the infinities of a mode."""
    codes = np.arange(1 << format.bits)
    return codes[~np.isfinite(format.decode(codes))]


def clearest(modes: Iterable[Mode]) -> Mode:
    """Return the mode whose format shows most bits of a result."""
    return max(modes, key=lambda mode: (mode.format.significand_bits, mode.format.max))


def in_lane(mode: Mode, codes: np.ndarray, lane: int) -> np.ndarray:
    """Return words with a code in one lane and zeros in the others."""
    return codes << (mode.bits * lane)


def pair_dots(modes: Sequence[Mode], mode: Mode) -> list[Dots]:
    """Return every pair of codes up to 8 bits, of corner codes else, as dot products of one word and of two.

    One word: the pair in each lane, zeros beside it; and in all lanes at once, other pairs beside it. Two words: in the
    second, of the next lane, the product with the other sign, of the first code and a neighbour of the second: what is
    left shows the product's last bits.
    """
    format, out = mode.format, clearest(modes)
    if mode.bits <= 8:
        a, b = all_pairs(mode.bits)
    else:
        corners = corner_codes(format)
        a, b = (x.reshape(-1) for x in np.meshgrid(corners, corners, indexing="ij"))
    groups = [
        Dots.of(mode, in_lane(mode, a, lane)[:, None], in_lane(mode, b, lane)[:, None], out)
        for lane in range(mode.lanes)
    ]
    near = negated(format, b + 1 & ((1 << mode.bits) - 1))
    next_lane = 1 % mode.lanes
    a_words, b_words = (np.stack([x, in_lane(mode, y, next_lane)], axis=1) for x, y in ((a, a), (b, near)))
    groups.append(Dots.of(mode, a_words, b_words, out))
    if mode.lanes > 1:
        rng, many = np.random.default_rng(mode.bits), 1 << 16
        orders = [rng.permutation(np.resize(np.arange(len(a)), many)) for _ in range(mode.lanes)]
        a_words, b_words = (pack(mode, np.stack([side[order] for order in orders], axis=1)) for side in (a, b))
        groups.append(Dots.of(mode, a_words, b_words, out))
    return groups


def lengths_of(count: int, rng: np.random.Generator) -> dict[int, int]:
    """Return the number of dot products of each length, ``count`` in all: most have few words, some up to 70."""
    few = rng.geometric(0.3, count)
    lengths = np.where(rng.random(count) < 0.97, np.minimum(few, 12), rng.choice([17, 33, 70], count))
    return {int(length): int(number) for length, number in zip(*np.unique(lengths, return_counts=True), strict=True)}


def some_codes(mode: Mode, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return numbers: any, of like size, or extreme; in bf16 most of them such that products lie in the window."""
    format = mode.format
    order = finite_codes(format)
    if mode is Mode.BF16:
        sizes = np.exp2(rng.uniform(-44, 18, shape)) * rng.choice([1, -1], shape)
        anything = np.where(rng.random(shape) < 0.99, BF16.encode(sizes), rng.choice(order, shape))
    else:
        anything = rng.choice(order, shape)
    # Rows of like size.
    about = rng.normal(0.0, 1.0, shape) * np.exp2(rng.integers(-3, 4, (shape[0], 1)))
    like = format.encode(about * (4 if isinstance(format, Int) else 1))
    ends = format.encode([0.0, format.min, -format.min, 1.0, -1.0])
    if mode is not Mode.BF16:
        ends = np.concatenate([ends, format.encode([format.max, format.lowest])])
    kind = rng.integers(0, 3, (shape[0], 1))
    codes = np.where(kind == 0, anything, np.where(kind == 1, like, anything))
    return np.where((kind == 2) & (rng.random(shape) < 0.5), rng.choice(ends, shape), codes).astype(np.int64)


def random_dots(modes: Sequence[Mode], mode: Mode, count: int, rng: np.random.Generator) -> list[Dots]:
    """Return about ``count`` dot products of random lengths, values and output formats.

    A third is such that most of the sum cancels, a tenth has a NaR, a NaN or an infinity, a twentieth is abandoned.
    """
    format, specials = mode.format, special_codes(mode.format)
    groups = []
    for length, number in lengths_of(count, rng).items():
        shape = number, length * mode.lanes
        a, b = some_codes(mode, shape, rng), some_codes(mode, shape, rng)
        half = shape[1] // 2
        cancels = rng.random((number, 1)) < 0.35
        # The second half takes the first away, but for what is behind it; a neighbour now and then leaves a little.
        for side, other in ((a, False), (b, True)):
            back = negated(format, side[:, :half]) if other else side[:, :half]
            near = back + rng.choice([0, 0, 0, 1, -1], back.shape) & ((1 << mode.bits) - 1)
            near = np.where(np.isfinite(format.decode(near)), near, back)
            side[:, half : 2 * half] = np.where(cancels, near, side[:, half : 2 * half])
        if len(specials):
            rows = np.flatnonzero(rng.random(number) < 0.1)
            for side in (a, b):
                chosen = rows[rng.random(len(rows)) < 0.7]
                side[chosen, rng.integers(0, shape[1], len(chosen))] = rng.choice(specials, len(chosen))
        out = rng.choice([int(mode) for mode in modes], number)
        read = rng.random(number) < 0.95
        groups.append(Dots(mode, pack(mode, a), pack(mode, b), out, read))
    return groups


def cancelling_dots(modes: Sequence[Mode], mode: Mode, count: int, rng: np.random.Generator) -> list[Dots]:
    """Return sums of the largest and the smallest products there are in which all but the smallest cancels."""
    format = mode.format
    wide = mode is Mode.BF16
    # In bf16 the largest and the smallest product of the window.
    large = format.encode([1.9921875 * 2.0**14 if wide else format.max])[0]
    larger = format.encode([1.9921875 * 2.0**15 if wide else format.max])[0]
    small, smaller = format.encode([2.0**-33 if wide else format.min, 2.0**-33 if wide else format.min])
    groups = []
    for length in (3, 9, 40, 130):
        number, columns = max(1, count // length), length * mode.lanes
        half = (columns - 1) // 2
        a, b = np.zeros((2, number, columns), np.int64)
        a[:, :half], b[:, :half] = large, larger
        a[:, half : 2 * half], b[:, half : 2 * half] = large, negated(format, np.array(larger))
        a[:, 2 * half], b[:, 2 * half] = small, smaller
        # Random values among them, and away again.
        some = rng.integers(0, half, number)
        a[np.arange(number), some] = a[np.arange(number), half + some] = some_codes(mode, (number, 1), rng)[:, 0]
        order = np.argsort(rng.random((number, columns)), axis=1)
        a, b = (np.take_along_axis(side, order, axis=1) for side in (a, b))
        # The sum of two signs of the smallest, too.
        b = np.where(rng.random((number, 1)) < 0.5, b, np.where(b == smaller, negated(format, b), b))
        out = rng.choice([int(each) for each in modes], number)
        groups.append(Dots.of(mode, pack(mode, a), pack(mode, b), out))
    return groups


def long_dots(
    modes: Sequence[Mode], mode: Mode, lengths: Sequence[int], rng: np.random.Generator, *, extreme: bool = False
) -> list[Dots]:
    """Return a dot product of random values of each length; ``extreme``: of the largest products of one sign."""
    format = mode.format
    groups = []
    for length in lengths:
        shape = 1, length * mode.lanes
        if extreme:
            a, b = (np.full(shape, code) for code in _furthest(mode))
            if rng.random() < 0.5:
                b = negated(format, b)
        else:
            a, b = some_codes(mode, shape, rng), some_codes(mode, shape, rng)
        groups.append(Dots.of(mode, pack(mode, a), pack(mode, b), clearest(modes)))
    return groups


def _furthest(mode: Mode) -> tuple[int, int]:
    """Return the factors of the largest product."""
    if mode is Mode.BF16:
        # The window's highest exponent is 15 = 7 + 8.
        return int(BF16.encode(255 * 2.0**7)), int(BF16.encode(255 * 2.0**8))
    lowest = int(mode.format.encode(mode.format.lowest))
    return lowest, lowest


def most_words(mode: Mode) -> int:
    """Return the words of the longest dot product whose sum holds in any case."""
    return 16_383 if mode is Mode.POSIT16_1 else 65_535


def window_dots(modes: Sequence[Mode], rng: np.random.Generator) -> list[Dots]:
    """Return bf16 products at and beside both edges of the window: every pair of exponents there, some significands.

    Alone, and one of three in a sum; zeros of any exponent's partner, too.
    """
    exponent = np.arange(256)
    a, b = (x.reshape(-1) for x in np.meshgrid(exponent, exponent, indexing="ij"))
    e = np.maximum(a, 1) + np.maximum(b, 1) - 268
    chosen = (np.abs(e + 80) <= 2) | (np.abs(e - 15) <= 2)
    a, b = a[chosen] << 7, b[chosen] << 7
    out = clearest(modes)
    groups = []
    for x, y in ((0, 0), (0x7F, 0x7F), (0x8000, 0x7F), (0x55, 0x802A)):
        groups.append(Dots.of(Mode.BF16, (a | x)[:, None], (b | y)[:, None], out))
        other = np.stack([some_codes(Mode.BF16, (len(a), 1), rng)[:, 0] for _ in range(4)])
        columns = np.stack([other[0], a | x, other[1]], axis=1), np.stack([other[2], b | y, other[3]], axis=1)
        groups.append(Dots.of(Mode.BF16, *columns, rng.choice([int(mode) for mode in modes], len(a))))
    # Zeros: subnormal and plain, beside the largest and the smallest.
    zeros, partners = np.array([0, 0x8000]), exponent << 7 | 1
    x, y = (side.reshape(-1, 1) for side in np.meshgrid(zeros, partners, indexing="ij"))
    return [*groups, Dots.of(Mode.BF16, x, y, out), Dots.of(Mode.BF16, y, x, out)]


def special_dots(modes: Sequence[Mode], mode: Mode, rng: np.random.Generator) -> list[Dots]:
    """Return each special in some lane, with zeros, numbers, others of its kind; and sums without any behind them."""
    format, specials = mode.format, special_codes(mode.format)
    if not len(specials):
        return []
    chosen = (
        specials if len(specials) < 16 else np.concatenate([format.encode([np.inf, -np.inf, np.nan]), specials[::29]])
    )
    partners = np.concatenate([chosen, format.encode([0.0, -0.0, 1.0, -1.0, format.max, format.min])])
    x, y = (side.reshape(-1) for side in np.meshgrid(chosen, partners, indexing="ij"))
    groups = []
    for out in modes:
        lane = rng.integers(0, mode.lanes, len(x)) * mode.bits
        words = x << lane, y << lane
        groups += [Dots.of(mode, words[side][:, None], words[1 - side][:, None], out) for side in (0, 1)]
        # One of three words; all three have one; infinities of both signs.
        rest = [pack(mode, some_codes(mode, (len(x), 3 * mode.lanes), rng)).astype(np.int64) for _ in range(2)]
        at = rng.integers(0, 3, len(x)), np.arange(len(x))
        for side, special in zip(rest, words, strict=True):
            side[at[1], at[0]] = special
        groups.append(Dots.of(mode, rest[0], rest[1], out))
        signs = np.stack([x, negated(format, x)], axis=1)
        groups.append(Dots.of(mode, signs, np.repeat(y[:, None], 2, axis=1), out))
        # Nothing of them is left in the next sum.
        plain = pack(mode, some_codes(mode, (len(x), mode.lanes), rng))
        groups.append(Dots.of(mode, plain, plain, out))
    return groups
