"""Operands for arithmetic units, and their results from sim.formats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data

from tilewright.cocotb_tests.arith.harness import word_bytes
from tilewright.sim.formats import Minifloat, Posit, ScalarFormat, convert


@dataclass(frozen=True)
class Vectors:
    """Operands and results of one function, each word as bytes, the lowest first."""

    stimuli: np.ndarray
    """Operands, uint8 of shape (operands, bytes)."""
    expected: np.ndarray
    """Expected results, uint8 of shape (results, bytes)."""
    ends: np.ndarray
    """Flags of the operands that have a result, bool of shape (operands,)."""
    starts: np.ndarray
    """Numbers of the operands before which nothing affects the results."""
    parts: Sequence[tuple[str, int]] = ()
    """Names and widths of the parts of a result, the lowest first."""


def to_bytes(words: Iterable, bits: int) -> np.ndarray:
    """Return unsigned words of up to ``bits`` bits as uint8 of shape (words, bytes)."""
    size = word_bytes(bits)
    if isinstance(words, np.ndarray) and words.dtype != object and bits <= 64:
        return words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :size]
    text = b"".join(int(word).to_bytes(size, "little") for word in words)
    return np.frombuffer(text, np.uint8).reshape(-1, size)


def payload(layout: data.Layout, **fields: np.ndarray) -> np.ndarray:
    """Return payload words of which all fields are given as arrays of unsigned integers."""
    assert {name for name, _ in layout} == set(fields)
    words: np.ndarray = np.zeros(1, np.uint64 if layout.size <= 64 else object)
    for name, field in layout:
        words = words | np.asarray(fields[name]).astype(words.dtype) << np.array(field.offset, words.dtype)
    return words


def vectors(
    stimuli: Iterable, i_bits: int, expected: Iterable, o_bits: int, *, parts: Sequence[tuple[str, int]] | None = None
) -> Vectors:
    """Return vectors of a function that gives a result for each operand."""
    i, o = to_bytes(stimuli, i_bits), to_bytes(expected, o_bits)
    assert len(i) == len(o)
    return Vectors(i, o, np.ones(len(i), bool), np.arange(len(i)), parts or [("result", o_bits)])


def beside(parts: Sequence[tuple[str, np.ndarray, int]]) -> tuple[np.ndarray, int]:
    """Return words of several results side by side, the first lowest, and their width; given name, codes, width."""
    words: np.ndarray = np.zeros(len(parts[0][1]), object)
    offset = 0
    for _, codes, bits in parts:
        words = words | (codes.astype(object) << offset)
        offset += bits
    return words, offset


def pair_layout(bits: int) -> data.StructLayout:
    """Return the operands of a multiplier or adder."""
    return data.StructLayout({"a": bits, "b": bits})


def all_pairs(bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every pair of codes of a width."""
    codes = np.arange(1 << bits)
    return np.repeat(codes, len(codes)), np.tile(codes, len(codes))


def corner_codes(format: ScalarFormat) -> np.ndarray:
    """Return codes at which something begins or ends: zero, powers of two, extremes, specials, and their neighbours."""
    mask = (1 << format.bits) - 1
    sign = 1 << (format.bits - 1)
    values = [2.0**k for k in range(-40, 41, 5)] + [
        1.5,
        3.0,
        format.max,
        format.min,
        1 + 2.0 ** -(format.significand_bits - 1),
    ]
    codes = {0, sign, mask, sign - 1} | {1 << k for k in range(format.bits)}
    codes |= {int(code) for code in format.encode(values)}
    codes |= {int(code) for code in format.encode([np.inf, np.nan])}
    codes |= {code ^ sign for code in codes} | {-code & mask for code in codes}
    return np.array(sorted({(code + step) & mask for code in codes for step in (-1, 0, 1)}))


def corner_pairs(format: ScalarFormat) -> tuple[np.ndarray, np.ndarray]:
    """Return every pair of corner codes."""
    codes = corner_codes(format)
    return np.repeat(codes, len(codes)), np.tile(codes, len(codes))


def negated(format: ScalarFormat, codes: np.ndarray) -> np.ndarray:
    """Return the codes of the negative values."""
    mask = (1 << format.bits) - 1
    return -codes & mask if isinstance(format, Posit) else codes ^ (1 << (format.bits - 1))


def random_pairs(format: ScalarFormat, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return random codes: a third any, a third sums that nearly cancel, a third products near a power of two.

    The power is the largest or the smallest value, or one, or any.
    """
    mask = (1 << format.bits) - 1
    a, b = rng.integers(0, mask + 1, (2, count))
    kind = rng.integers(0, 3, count)
    b = np.where(kind == 1, (negated(format, a) + rng.integers(-5, 6, count)) & mask, b)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        top = np.log2(format.max)
        powers = np.where(rng.random(count) < 0.5, rng.choice([-top, 0.0, top], count), rng.uniform(-top, top, count))
        b_near = format.encode(np.exp2(powers) / format.decode(a)).astype(np.int64)
    b = np.where(kind == 2, (b_near + rng.integers(-5, 6, count)) & mask, b)
    swap = rng.random(count) < 0.5
    return np.where(swap, b, a), np.where(swap, a, b)


def two_operand_vectors(units: Sequence[tuple[str, ScalarFormat]], bits: int, a: np.ndarray, b: np.ndarray) -> Vectors:
    """Return the vectors of units side by side: "multiply" or "add", and a format that takes the low bits."""
    results = []
    for operation, format in units:
        mask = (1 << format.bits) - 1
        codes = getattr(format, operation)(a & mask, b & mask)
        results.append((f"{format.name} {operation}", codes, format.bits))
    words, o_bits = beside(results)
    layout = pair_layout(bits)
    parts = [(name, width) for name, _, width in results]
    return vectors(payload(layout, a=a, b=b), layout.size, words, o_bits, parts=parts)


def converter_vectors(pairs: Sequence[tuple[ScalarFormat, ScalarFormat]], bits: int) -> Vectors:
    """Return every code of ``bits`` bits, converted by pairs of formats side by side; sources take the low bits."""
    codes = np.arange(1 << bits)
    results = []
    for source, destination in pairs:
        converted = convert(codes & ((1 << source.bits) - 1), source, destination)
        results.append((f"{source.name} to {destination.name}", converted, destination.bits))
    words, o_bits = beside(results)
    return vectors(codes, bits, words, o_bits, parts=[(name, width) for name, _, width in results])


def decoder_vectors(format: Posit | Minifloat, layout: data.StructLayout) -> Vectors:
    """Return every code and its parts; the scale is 0 where it has no meaning."""
    codes = np.arange(1 << format.bits)
    values = format.decode(codes)
    nan, inf, zero = np.isnan(values), np.isinf(values), values == 0
    finite = ~(nan | inf | zero)
    sign = codes >> (format.bits - 1)
    # Magnitude in [1, 2); a posit's significand lies in [-2, -1) if it is negative.
    mantissa, exponent = np.frexp(np.where(finite, np.abs(values), 1.0))
    mantissa, scale = 2 * mantissa, exponent - 1
    fraction = mantissa - 1
    if isinstance(format, Posit):
        power = (sign == 1) & (mantissa == 1)
        fraction = np.where(sign == 1, np.where(power, 0.0, 2 - mantissa), fraction)
        scale = scale - power
    places = Shape.cast(layout.members["fraction"]).width
    scale_mask = (1 << Shape.cast(layout.members["scale"]).width) - 1
    expected = payload(
        layout,
        sign=sign,
        scale=np.where(finite, scale, 0) & scale_mask,
        fraction=np.where(finite, fraction * (1 << places), 0).astype(np.int64),
        zero=zero,
        nan=nan,
        inf=inf,
    )
    parts = [(name, Shape.cast(shape).width) for name, shape in layout.members.items()]
    return vectors(codes, format.bits, expected, layout.size, parts=parts)


def encoder_vectors(format: Posit | Minifloat, layout: data.StructLayout, rng: np.random.Generator) -> Vectors:
    """Return numbers and their codes: every sign, scale and sticky bit with every fraction, and specials.

    If there are many fractions, those around ties and random ones.
    """
    places = Shape.cast(layout.members["fraction"]).width
    scale_bits = Shape.cast(layout.members["scale"]).width
    scale_mask = (1 << scale_bits) - 1
    scales, fractions = np.arange(-(1 << scale_bits - 1), 1 << scale_bits - 1), np.arange(1 << places)
    if len(fractions) > 64:
        # Ties and what is beside them, in every place.
        ties = ((1 << np.arange(places))[:, None] + np.arange(-1, 2)).reshape(-1)
        fractions = np.unique(np.concatenate([ties, -ties - 1, rng.choice(fractions, 30)]) & ((1 << places) - 1))
    grid = np.meshgrid(np.arange(2), scales, fractions, np.arange(2), indexing="ij")
    sign, scale, fraction, sticky = (part.reshape(-1) for part in grid)
    # A sticky bit stands for anything below the last bit: an eighth of it.
    tail = (fraction + sticky / 8) / (1 << places)
    significand = 1 - 3 * sign + tail if isinstance(format, Posit) else (1 - 2 * sign) * (1 + tail)
    codes = format.encode(np.ldexp(significand, scale))
    specials = [("zero", 0, 0.0), ("nan", 0, np.nan), ("nan", 1, np.nan), ("inf", 0, np.inf), ("inf", 1, -np.inf)]
    if isinstance(format, Minifloat):
        specials.append(("zero", 1, -0.0))
    # The scale of a special number means nothing.
    rows = [(*special, low) for special in specials for low in (0, 1, scale_mask, scale_mask >> 1, scale_mask // 2 + 1)]
    names = np.array([row[0] for row in rows])
    none, plain = np.zeros(len(rows), np.int64), np.zeros(len(sign), np.int64)
    stimuli = payload(
        layout,
        sign=np.concatenate([sign, [row[1] for row in rows]]),
        scale=np.concatenate([scale & scale_mask, [row[3] for row in rows]]),
        fraction=np.concatenate([fraction, none]),
        sticky=np.concatenate([sticky, none]),
        **{flag: np.concatenate([plain, names == flag]).astype(np.int64) for flag in ("zero", "nan", "inf")},
    )
    expected = np.concatenate([codes, format.encode([row[2] for row in rows])])
    return vectors(stimuli, layout.size, expected, format.bits)
