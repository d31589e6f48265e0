"""Operands for the units whose words have lanes, and for the read-out, with exact results in integers."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data

from tilewright.cocotb_tests.arith.dot_vectors import flags
from tilewright.cocotb_tests.arith.vectors import Vectors, payload, to_bytes
from tilewright.hw.arith.fp4_unit import LANES, Fp4Mode, Fp4Unit
from tilewright.hw.arith.segmented_quire import WIDTH
from tilewright.hw.arith.significand_multiplier import WORD_BITS, Lanes
from tilewright.sim.formats import E2M1, Posit, ScalarFormat, scalar

POSIT4 = Posit(4, 1)
LANE_COUNTS: dict[Any, int] = {Lanes.ONE: 1, Lanes.TWO: 2, Lanes.FOUR: 4}
FP4: Any = Fp4Mode.FP4_E2M1
POSIT: Any = Fp4Mode.POSIT4_1


def fp4_vectors(layout: data.StructLayout, words: int, rng: np.random.Generator) -> Vectors:
    """Return random and every single products of both formats, formats changing in mid-sum."""
    codes = np.arange(16)
    every = np.stack([np.repeat(codes, 16), np.tile(codes, 16)], axis=1)
    a, b = rng.integers(0, 16, (2, words, LANES))
    mode = rng.integers(0, 2, words)
    # NaR in few words only.
    for factor in (a, b):
        factor[(factor == 8) & (rng.random(factor.shape) < 0.95)] = 7
    lengths = [1] * (2 * LANES * len(every))
    for index, (x, y) in enumerate(np.tile(every, (2 * LANES, 1))):
        # One lane at a time; the others are zero.
        lane, form = divmod(index // len(every), 2)
        a[index], b[index] = 0, 0
        a[index, lane], b[index, lane], mode[index] = x, y, form
    # Every lane at its largest for 4000 cycles, up and down.
    for sign in (7, 9):
        begin = sum(lengths)
        a[begin : begin + 4000], b[begin : begin + 4000], mode[begin : begin + 4000] = sign, 7, POSIT.value
        lengths.append(4000)
    while sum(lengths) < words:
        lengths.append(min(int(rng.choice([1, 2, int(rng.integers(1, 50))])), words - sum(lengths)))
    reads = [tuple(sorted({length, int(rng.integers(1, length + 1))})) for length in lengths]
    first, last = flags(lengths, reads)
    products = np.zeros(words, np.int64)
    nan = np.zeros(words, bool)
    for form, format in ((FP4, E2M1), (POSIT, POSIT4)):
        product = format.decode(a) * format.decode(b) * 2.0**-Fp4Unit.SUM_LSB
        here = mode == form.value
        nan |= here & np.isnan(product).any(axis=1)
        products += np.where(here, np.nansum(product, axis=1), 0).astype(np.int64)
    expected = []
    total, seen = 0, False
    for product, special, begins, ends in zip(products.tolist(), nan.tolist(), first, last, strict=True):
        total = product if begins else total + product
        seen = special or (seen and not begins)
        if ends:
            expected.append(total % (1 << Fp4Unit.SUM_BITS) | seen << Fp4Unit.SUM_BITS)
    shifts = 4 * np.arange(LANES)
    stimuli = payload(
        layout, a=(a << shifts).sum(axis=1), b=(b << shifts).sum(axis=1), mode=mode, first=first, last=last
    )
    return Vectors(
        to_bytes(stimuli, layout.size),
        to_bytes(expected, Fp4Unit.SUM_BITS + 1),
        last,
        np.flatnonzero(first),
        [("sum", Fp4Unit.SUM_BITS), ("nan", 1)],
    )


def signed_lanes(words: np.ndarray, lanes: int, bits: int) -> list[np.ndarray]:
    """Return the signed lanes of words of ``bits`` bits, the lowest first."""
    width = bits // lanes
    parts = [(words >> (lane * width)) & ((1 << width) - 1) for lane in range(lanes)]
    return [np.where(part >> (width - 1) != 0, part - (1 << width), part) for part in parts]


def pairs_of(codes: np.ndarray) -> np.ndarray:
    """Return every pair of codes, of shape (2, pairs)."""
    return np.stack([np.repeat(codes, len(codes)), np.tile(codes, len(codes))])


def significand_vectors(layout: data.StructLayout, count: int, rng: np.random.Generator) -> Vectors:
    """Return every pair of 4-bit and of 8-bit lanes in each lane, and of corners of 16 bits; random words.

    Words with lanes of different widths follow each other.
    """
    corners = np.array(
        sorted({(1 << k) + step & 0xFFFF for k in range(17) for step in (-2, -1, 0, 1, 2)} | {0x5555, 0xAAAA, 0x7F80})
    )
    blocks: list[tuple[Any, np.ndarray]] = [(Lanes.ONE, pairs_of(corners))]
    # Each lane goes through all pairs in an order of its own, so that neighbours differ.
    for lanes, times in ((Lanes.TWO, 1), (Lanes.FOUR, 16)):
        width = WORD_BITS // LANE_COUNTS[lanes]
        every = pairs_of(np.arange(1 << width))
        for _ in range(times):
            words = np.zeros_like(every)
            for lane in range(LANE_COUNTS[lanes]):
                words |= every[:, rng.permutation(every.shape[1])] << (width * lane)
            blocks.append((lanes, words))
    blocks += [(lanes, rng.integers(0, 1 << WORD_BITS, (2, count))) for lanes in LANE_COUNTS]
    mode = np.concatenate([np.full(words.shape[1], lanes.value) for lanes, words in blocks])
    order = rng.permutation(len(mode))
    mode = mode[order]
    a, b = np.concatenate([words for _, words in blocks], axis=1)[:, order]
    expected = np.zeros(len(a), np.int64)
    for lanes, number in LANE_COUNTS.items():
        width = 2 * WORD_BITS // number
        here = mode == lanes.value
        products = [
            x * y for x, y in zip(signed_lanes(a, number, WORD_BITS), signed_lanes(b, number, WORD_BITS), strict=True)
        ]
        joined = sum((product & ((1 << width) - 1)) << (width * lane) for lane, product in enumerate(products))
        expected = np.where(here, joined, expected)
    return Vectors(
        to_bytes(payload(layout, a=a, b=b, lanes=mode), layout.size),
        to_bytes(expected, 2 * WORD_BITS),
        np.ones(len(a), bool),
        np.arange(len(a)),
        [(f"bits {8 * k} to {8 * k + 7}", 8) for k in range(4)],
    )


def segmented_vectors(layout: data.StructLayout, sums: int, rng: np.random.Generator) -> Vectors:
    """Return sums whose carries run through all segments, and random ones, in all ways to split the word."""
    blocks: list[tuple[Any, list[int], tuple[int, ...]]] = []
    for lanes, number in LANE_COUNTS.items():
        width = WIDTH // number

        def each(value: int, width: int = width, number: int = number) -> int:
            """Return a word with one value in all lanes."""
            return sum((value % (1 << width)) << (width * lane) for lane in range(number))

        largest, smallest = (1 << (width - 1)) - 1, 1 << (width - 1)
        for values in (
            [-1, 1], [1, -1], [-1, 1, -1, 1, -1, 1], [largest, 1], [smallest, -1], [smallest, smallest], [-1] * 9,
            [largest, 1, -1, -1, 1], [0xFFFFFFFF, 1, 0, 0, 0], [-1, 1, 0, -1, 0, 1],
        ):  # fmt: skip
            blocks.append((lanes, [each(value) for value in values], tuple(range(1, len(values) + 1))))
            # The lowest lane alone, and random neighbours.
            low = (1 << width) - 1
            for beside in (0, int.from_bytes(rng.bytes(WIDTH // 8), "little") & ~low):
                blocks.append((lanes, [value & low | beside for value in values], (len(values),)))
    ones = (1 << WIDTH) - 1
    for k in range(0, WIDTH, 7):
        blocks.append((Lanes.ONE, [ones >> k, 1 << k % 40, ones ^ (1 << k)], (1, 2, 3)))
    for index in range(sums):
        lanes = list(LANE_COUNTS)[int(rng.integers(0, 3))]
        length = int(rng.choice([1, 2, 3, int(rng.integers(1, 60))])) if index else 3000
        kind = rng.integers(0, 3)
        words = []
        for _ in range(length):
            word = int.from_bytes(rng.bytes(WIDTH // 8), "little")
            # All ones and zeros in many segments, so that carries go far.
            if kind:
                for segment in range(4):
                    fill = int(rng.choice([0, 0xFFFFFFFF, 1, 0xFFFFFFFF, 0x7FFFFFFF, word & 0xFFFFFFFF]))
                    word = word & ~(0xFFFFFFFF << 32 * segment) | fill << 32 * segment
            words.append(word)
        reads = tuple(sorted({length, int(rng.integers(1, length + 1))})) if rng.random() < 0.95 else ()
        blocks.append((lanes, words, reads))
    expected = []
    for lanes, words, reads in blocks:
        width = WIDTH // LANE_COUNTS[lanes]
        totals = [0] * LANE_COUNTS[lanes]
        for position, word in enumerate(words, 1):
            totals = [(total + (word >> (width * lane))) % (1 << width) for lane, total in enumerate(totals)]
            if position in reads:
                expected.append(sum(total << (width * lane) for lane, total in enumerate(totals)))
    first, last = flags([len(words) for _, words, _ in blocks], [reads for *_, reads in blocks])
    stimuli = payload(
        layout,
        value=np.array([word for _, words, _ in blocks for word in words], object),
        lanes=np.array([lanes.value for lanes, words, _ in blocks for _ in words]),
        first=first,
        last=last,
    )
    return Vectors(
        to_bytes(stimuli, layout.size),
        to_bytes(expected, WIDTH),
        last,
        np.flatnonzero(first),
        [(f"segment {k}", 32) for k in range(4)],
    )


def read_out_vectors(
    format: ScalarFormat, layout: data.StructLayout, width: int, lsb: int, count: int, rng: np.random.Generator
) -> Vectors:
    """Return numbers with ones in two places, ties and what is beside them, random ones, and NaN, rounded.

    If the layout has a scale, each number has a random one: half of them any, half such that the result is among the
    normal and subnormal numbers of the format or little beyond.
    """
    values = {0, 1, -1, (1 << (width - 1)) - 1, -(1 << (width - 1))}
    for high in range(width - 1):
        for low in range(high + 1):
            values |= {sign * ((1 << high) + step * (1 << low)) for sign in (1, -1) for step in (1, -1)}
    places = format.significand_bits
    for _ in range(count):
        # Random significands around a tie, anywhere.
        head = int(rng.integers(1, 1 << (places + 2)))
        at = int(rng.integers(0, width))
        values.add(int(rng.choice([1, -1])) * ((head << at) + int(rng.choice([-1, 0, 1]))))
        values.add(
            int(rng.choice([1, -1])) * int.from_bytes(rng.bytes(width // 8), "little") >> int(rng.integers(0, width))
        )
    limit = 1 << (width - 1)
    chosen = [value for value in values if -limit <= value < limit]
    rng.shuffle(chosen)
    specials = [0, 1, 1 << (width - 2)]
    scale_bits = Shape.cast(layout.members["scale"]).width if "scale" in layout.members else 0
    scales = _scales(format, [*chosen, *specials], lsb, scale_bits, rng)
    results = [
        scalar.encode(format, Fraction(value) * Fraction(2) ** (lsb + scale))
        for value, scale in zip(chosen, scales, strict=False)
    ]
    not_a_number = scalar.encode(format, scalar.Special.NAN)
    words = {
        "value": np.array([value % (1 << width) for value in (*chosen, *specials)], object),
        "nan": np.array([0] * len(chosen) + [1] * len(specials)),
        "scale": np.array([scale % (1 << scale_bits) for scale in scales]),
    }
    stimuli = payload(layout, **{name: words[name] for name, _ in layout})
    expected = to_bytes([*results, *[not_a_number] * 3], format.bits)
    ends = np.ones(len(expected), bool)
    return Vectors(to_bytes(stimuli, layout.size), expected, ends, np.arange(len(expected)), [("code", format.bits)])


def _scales(format: ScalarFormat, values: list[int], lsb: int, bits: int, rng: np.random.Generator) -> list[int]:
    """Return exponents of two for numbers that are read out; 0 if there are no bits for them."""
    if not bits:
        return [0] * len(values)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    least, most = (math.frexp(value)[1] for value in (format.min, format.max))
    scales = []
    for value in values:
        near = int(rng.integers(least - 3, most + 3)) - value.bit_length() - lsb
        scales.append(min(max(near, low), high) if rng.random() < 0.5 else int(rng.integers(low, high + 1)))
    return [low, high, *scales[2:]]
