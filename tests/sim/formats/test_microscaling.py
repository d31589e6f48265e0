"""Block-scaled formats against the specification."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from tests.sim.formats.checks import to_float, to_value
from tilewright.sim.formats import (
    BF16,
    E2M1,
    E4M3,
    E8M0,
    FP32,
    MXFP4,
    MXINT8,
    NVFP4,
    Blocks,
    Int,
    Microscaling,
    Posit,
    parse_format,
    scalar,
)

FORMATS = [
    parse_format(name) for name in ("mxfp4", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp8_e4m3", "mxfp8_e5m2", "mxint8", "nvfp4")
]


def random_values(rng: np.random.Generator, fmt: Microscaling, blocks: int) -> np.ndarray:
    """Return blocks of any size, with zeros, and with values on and beside ties of their elements."""
    shape = (blocks, fmt.block)
    values = rng.standard_normal(shape) * 2.0 ** rng.integers(-140, 120, (blocks, 1))
    values[rng.random(shape) < 0.1] = 0.0
    values[rng.random(shape) < 0.05] *= -0.0
    encoded = fmt.encode(values)
    steps = np.abs(fmt.decode(encoded._replace(elements=np.ones(shape, dtype=np.uint8))))
    ties = fmt.decode(encoded) + steps / 2
    ties = rng.choice([ties, np.nextafter(ties, np.inf), np.nextafter(ties, -np.inf)])
    return np.where(rng.random(shape) < 0.5, values, ties)


def assert_as_specified(fmt: Microscaling, values: np.ndarray, blocks: Blocks) -> None:
    decoded = fmt.decode(blocks)
    for row, scale, elements, back in zip(values, blocks.scales[:, 0], blocks.elements, decoded, strict=True):
        expected = scalar.encode_block(fmt, [to_value(x) for x in row])
        assert (int(scale), elements.tolist()) == expected
        assert np.array_equal(back, [to_float(v) for v in scalar.decode_block(fmt, *expected)], equal_nan=True)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_random_blocks(fmt):
    values = random_values(np.random.default_rng(1), fmt, 200)
    assert_as_specified(fmt, values, fmt.encode(values))


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_largest_magnitudes_at_every_boundary_of_the_scale(fmt):
    # amax at powers of two, at the element's and the scale's ties, at both ends of the scale's range.
    fmt = dataclasses.replace(fmt, block=4)
    top = fmt.element.max
    codes = np.arange(0, 255 if fmt.scale is E8M0 else 126)
    scales = fmt.scale.decode(codes)
    ties = (scales[1:] + scales[:-1]) / 2
    amax = np.concatenate([scales, ties, top * scales, top * ties, scales * 2.0**9, [1e-300, 1e300, 5e-324]])
    amax = np.concatenate([amax, np.nextafter(amax, np.inf), np.nextafter(amax, 0)])
    values = np.zeros((len(amax), fmt.block))
    values[:, 1] = -amax
    values[:, 3] = amax * 0.3
    assert_as_specified(fmt, values, fmt.encode(values))


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_zeros_nan_and_infinities(fmt):
    values = np.zeros((5, fmt.block))
    values[1, :3] = [-0.0, 1.0, -0.0]
    values[2, :2] = np.nan, 1
    values[3, :2] = np.inf, 1
    values[4, :2] = 1, -np.inf
    blocks = fmt.encode(values)
    assert_as_specified(fmt, values, blocks)
    assert blocks.scales[0, 0] == 0
    assert (blocks.scales[2:, 0] == fmt.scale.nan_code).all()
    assert np.isnan(fmt.decode(blocks)[2:]).all()
    minus = fmt.element.decode(fmt.element.encode(-0.0))
    assert np.signbit(fmt.decode(blocks)[1, 0]) == np.signbit(minus)


def test_worked_examples():
    # OCP MX v1.0: amax 5 = 1.25 * 2**2 and emax of E2M1 is 2, so the scale is 1, code 127.
    values = np.zeros(32)
    values[:5] = [5, -2.5, 0.25, 0.75, 1.1]
    blocks = MXFP4.encode(values)
    assert blocks.scales.tolist() == [127]
    assert MXFP4.decode(blocks)[:5].tolist() == [4, -2, 0, 1, 1]  # 5, 2.5, 0.25 and 0.75 are ties
    # amax 7.9 has the same exponent: it saturates at 6.
    assert MXFP4.decode(MXFP4.encode(np.full(32, 7.9))).tolist() == [6] * 32
    # MXINT8: 6 fraction bits, so 1.0 is code 64; 1.999 saturates, -1.999 is -2.
    values[:5] = [1.0, -1.999, 1.999, 1 / 128, 3 / 128]
    blocks = MXINT8.encode(values)
    assert (blocks.scales[0], blocks.elements[:5].tolist()) == (127, [64, 128, 127, 0, 2])
    # NVFP4: amax 12 over 6 is 2; 3.0 / 2 = 1.5.
    values = np.zeros(16)
    values[:2] = [-12, 3]
    blocks = NVFP4.encode(values)
    assert E4M3.decode(blocks.scales).tolist() == [2]
    assert E2M1.decode(blocks.elements[:2]).tolist() == [-6, 1.5]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_decoding_every_scale_and_element(fmt):
    scales = np.arange(256)[:, None]
    for start in range(0, 1 << fmt.element.bits, fmt.block):
        elements = np.arange(start, start + fmt.block) % (1 << fmt.element.bits)
        decoded = fmt.decode(Blocks(scales, np.broadcast_to(elements, (256, fmt.block))))
        expected = [[to_float(v) for v in scalar.decode_block(fmt, c, elements.tolist())] for c in range(256)]
        assert np.array_equal(decoded, expected, equal_nan=True)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("out", [FP32, BF16, Posit(16, 1), Int(8)], ids=str)
def test_dots_are_exact(fmt, out):
    rng = np.random.default_rng(2)
    a, b = (fmt.encode(random_values(rng, fmt, 12).reshape(3, -1)) for _ in range(2))
    # The same numbers again, negated, but for one: nearly all cancels.
    a = Blocks(*(np.concatenate([x, x], axis=-1) for x in a))
    b = Blocks(np.concatenate([b.scales] * 2, axis=-1), np.concatenate([b.elements, negated(fmt, b.elements)], axis=-1))
    results = fmt.dot(a, b, out=out)
    for i in range(3):
        pairs = zip(fmt.decode(a)[i], fmt.decode(b)[i], strict=True)
        total = sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction(0))
        assert results[i] == scalar.encode(out, total)


def negated(fmt: Microscaling, elements: np.ndarray) -> np.ndarray:
    codes = fmt.element.encode(-fmt.element.decode(elements))
    codes[..., 0] = fmt.element.encode(fmt.element.min)
    return codes


def test_dots_of_two_formats_and_broadcasting():
    rng = np.random.default_rng(3)
    a, b = MXFP4.encode(rng.standard_normal((3, 1, 64))), MXINT8.encode(rng.standard_normal((2, 64)))
    results = MXFP4.dot(a, b, other=MXINT8, out=FP32)
    expected = np.float32((MXFP4.decode(a) * MXINT8.decode(b)).sum(axis=-1))  # few enough bits for float64
    assert (FP32.decode(results) == expected).all()
    broken = MXFP4.encode(np.full(64, np.nan))
    assert FP32.dot([0], [0]) == 0
    assert MXFP4.dot(broken, broken, out=FP32) == FP32.nan_code


def test_shapes_and_errors():
    blocks = MXFP4.encode(np.ones((2, 3, 64)))
    assert (blocks.scales.shape, blocks.elements.shape) == ((2, 3, 2), (2, 3, 64))
    assert (MXFP4.decode(blocks) == 1).all()
    assert MXFP4.encode(np.zeros((3, 0))).scales.shape == (3, 0)
    assert MXFP4.bits_per_value == 4.25
    assert NVFP4.bits_per_value == 4.5
    with pytest.raises(ValueError, match="mxfp4: a last axis of 33 is not a multiple of the block of 32"):
        MXFP4.encode(np.zeros(33))
    with pytest.raises(ValueError, match=r"mxfp4: scales have shape \(2,\), elements need \(1,\)"):
        MXFP4.decode(Blocks(np.zeros(2, int), np.zeros(32, int)))
    with pytest.raises(ValueError, match="block = 0 is not allowed: 1 or more"):
        Microscaling(E2M1, block=0)
    with pytest.raises(ValueError, match="int31 scaled by fp8_e4m3 is not allowed: 34 significand bits, 31 at most"):
        Microscaling(Int(31), scale=E4M3)
    assert str(Microscaling(E4M3, block=16)) == "mxfp8_e4m3_b16"
