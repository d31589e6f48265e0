"""Sums, products, dot products and the quire against exact rationals."""

from fractions import Fraction

import numpy as np
import pytest

from tests.sim.formats.checks import SMALL_POSITS, check_dot, check_operation
from tilewright.sim.formats import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    FP16,
    FP32,
    Int,
    Minifloat,
    Posit,
    Quire,
    ScalarFormat,
    convert,
    exact,
    scalar,
)
from tilewright.sim.formats.scalar import Special

P8, P16, P32 = Posit(8, 0), Posit(16, 1), Posit(32, 2)
SMALL = [Posit(4, 1), P8, E2M1, E3M2, E2M3, E4M3, E5M2, Int(4), Int(8)]
LONG = [P16, BF16, FP16, Int(16), FP32, Int(32), *(Posit(32, es) for es in range(5)), Posit(27, 3)]
EVERYDAY_LONG = [P16, BF16, FP16, FP32, Int(32), P32]


def random_codes(rng: np.random.Generator, fmt: ScalarFormat, shape: tuple[int, ...]) -> np.ndarray:
    """Return codes of which some are special, extreme or close to one another."""
    codes = rng.integers(0, 1 << fmt.bits, shape)
    ends = fmt.encode([0.0, fmt.min, -fmt.min, fmt.max, fmt.lowest, 1.0])
    return np.where(rng.random(shape) < 0.1, rng.choice(ends, shape), codes)


def finite_codes(rng: np.random.Generator, fmt: ScalarFormat, shape: tuple[int, ...]) -> np.ndarray:
    codes = random_codes(rng, fmt, shape)
    return np.where(np.isfinite(fmt.decode(codes)), codes, 0)


@pytest.mark.parametrize("operation", ["add", "multiply"])
@pytest.mark.parametrize("fmt", SMALL, ids=str)
def test_all_pairs(fmt, operation):
    a, b = np.divmod(np.arange(1 << 2 * fmt.bits), 1 << fmt.bits)
    check_operation(fmt, operation, a, b)


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["add", "multiply"])
@pytest.mark.parametrize("fmt", [f for f in SMALL_POSITS if f not in SMALL and f.n <= 8], ids=str)
def test_all_pairs_of_other_posits(fmt, operation):
    a, b = np.divmod(np.arange(1 << 2 * fmt.bits), 1 << fmt.bits)
    check_operation(fmt, operation, a, b)


@pytest.mark.parametrize("operation", ["add", "multiply"])
@pytest.mark.parametrize(
    "fmt", [pytest.param(each, marks=[pytest.mark.slow] * (each not in EVERYDAY_LONG)) for each in LONG], ids=str
)
def test_random_pairs_of_long_formats(fmt, operation):
    rng = np.random.default_rng(1)
    a, b = random_codes(rng, fmt, (600,)), random_codes(rng, fmt, (600,))
    # Of like size, so that sums cancel and products lie near one another.
    near = (a + rng.integers(-3, 4, 600)) % (1 << fmt.bits)
    for x, y in ((a, b), (a, near), (a, a)):
        check_operation(fmt, operation, x, y)


@pytest.mark.parametrize(
    "out", [E2M1, E4M3, Minifloat(5, 2, saturate=False), BF16, P8, P16, P32, Int(8), Int(32)], ids=str
)
def test_results_in_other_formats(out):
    rng = np.random.default_rng(2)
    for fmt in (P8, E5M2, BF16, Int(8), Posit(32, 0), FP32):
        a, b = random_codes(rng, fmt, (200,)), random_codes(rng, fmt, (200,))
        check_operation(fmt, "add", a, b, out)
        check_operation(fmt, "multiply", a, b, out)


def test_operands_of_two_formats():
    a = P8.encode([1.5, -0.25])
    b = Int(8).encode([[3], [-100]])
    assert BF16.decode(P8.multiply(a, b, other=Int(8), out=BF16)).tolist() == [[4.5, -0.75], [-150, 25]]
    assert FP16.decode(P8.add(a, b, other=Int(8), out=FP16)).tolist() == [[4.5, 2.75], [-98.5, -100.25]]
    assert P8.decode(P8.add(a, b, other=Int(8))).tolist() == [[4.5, 2.75], [-64, -64]]


def test_signs_of_zeros():
    zero, minus_zero, one, minus_one = 0x00, 0x80, 0x38, 0xB8
    assert E4M3.add([one, minus_zero, zero, minus_zero], [minus_one, minus_zero, minus_zero, zero]).tolist() == [
        zero, minus_zero, zero, zero,
    ]  # fmt: skip
    assert E4M3.multiply([zero, minus_zero, minus_zero, 0x81], [minus_one, one, minus_one, 0x01]).tolist() == [
        minus_zero, minus_zero, zero, minus_zero,
    ]  # fmt: skip
    assert E4M3.dot([minus_zero, zero], [one, minus_one]) == zero
    assert E4M3.dot([one, one], [one, minus_one]) == zero
    assert BF16.dot([0x8000], [0x3F80]) == 0


def test_sums_that_float64_cannot_hold():
    # 1 + 2**-8 is halfway between two bfloat16 numbers; 2**-133 decides, 125 bits further down.
    tie = FP32.encode(1 + 2.0**-8)
    tiny = FP32.encode(2.0**-133)
    assert float(FP32.decode(tie)) + float(FP32.decode(tiny)) == 1 + 2.0**-8
    assert BF16.decode(FP32.add(tie, tiny, out=BF16)) == 1 + 2.0**-7
    assert BF16.decode(FP32.add(tie, FP32.encode(-(2.0**-133)), out=BF16)) == 1
    assert BF16.decode(FP32.add(tie, FP32.encode(0.0), out=BF16)) == 1


def test_round_to_odd_against_rationals():
    rng = np.random.default_rng(3)
    a = rng.standard_normal(3000) * 2.0 ** rng.integers(-60, 60, 3000)
    b = rng.standard_normal(3000) * 2.0 ** rng.integers(-60, 60, 3000)
    b[:500] = -a[:500] * (1 + rng.integers(-4, 5, 500) * 2.0**-52)
    b[500:600] = -a[500:600]
    for operation, expected in ((exact.add, Fraction.__add__), (exact.multiply, Fraction.__mul__)):
        for x, y, result in zip(a, b, operation(a, b), strict=True):
            truth, got = expected(Fraction(x), Fraction(y)), Fraction(result)
            if truth != got:
                assert int(result.view(np.int64)) & 1, "what is rounded is odd"
                assert abs(truth - got) < Fraction(float(np.spacing(abs(result))))


@pytest.mark.parametrize("fmt", [*SMALL, *LONG], ids=str)
def test_random_dots(fmt):
    rng = np.random.default_rng(4)
    check_dot(fmt, random_codes(rng, fmt, (20, 3)), fmt, random_codes(rng, fmt, (20, 3)))
    check_dot(fmt, finite_codes(rng, fmt, (20, 20)), fmt, finite_codes(rng, fmt, (20, 20)))


@pytest.mark.parametrize("fmt", [*SMALL, *LONG], ids=str)
def test_cancellation_over_the_whole_quire(fmt):
    largest, smallest = fmt.encode(fmt.max), fmt.encode(fmt.min)
    minus = fmt.encode(-fmt.max)
    a = np.array([[largest, largest, smallest], [smallest, largest, largest], [largest, smallest, largest]])
    b = np.array([[largest, minus, smallest], [smallest, minus, largest], [largest, smallest, minus]])
    out = Posit(32, 4)
    assert (fmt.dot(a, b, out=out) == out.encode(fmt.min**2)).all()
    check_dot(fmt, a, fmt, b)


@pytest.mark.parametrize("width", range(20, 30))
def test_sums_at_the_limit_of_float64(width):
    # Around 53 bits dot products change from float64 to limbs. Partial sums reach 2**(2 * width + 5); 1 is left.
    fmt = Int(width)
    a = fmt.encode([fmt.lowest] * 64 + [1] + [fmt.lowest] * 128)
    b = fmt.encode([fmt.lowest] * 64 + [1] + [-fmt.lowest / 2] * 128)
    assert fmt.dot(a, b) == 1
    assert fmt.dot(a[64:], b[64:], out=FP32) == FP32.encode(1 - 2.0 ** (2 * width + 4))
    check_dot(fmt, a[None, :65], fmt, b[None, :65], Posit(32, 0))


def test_a_planted_float64_accumulator_is_found():
    class Careless(Posit):
        def dot(self, a_codes, b_codes, *, other=None, out=None):
            products = self.decode(a_codes) * (other or self).decode(b_codes)
            return (out or self).encode(products.sum(axis=-1))

    fmt = Careless(16, 1)
    a = fmt.encode([[fmt.max, fmt.min, fmt.max]])
    b = fmt.encode([[fmt.max, fmt.min, -fmt.max]])
    with pytest.raises(AssertionError, match="posit16_1 x posit16_1"):
        check_dot(fmt, a, fmt, b)


@pytest.mark.parametrize("fmt", [P8, P16, E4M3, E5M2, BF16, P32, Int(8)], ids=str)
def test_long_dots(fmt):
    rng = np.random.default_rng(5)
    a, b = finite_codes(rng, fmt, (1, 5000)), finite_codes(rng, fmt, (1, 5000))
    check_dot(fmt, a, fmt, b)
    check_dot(fmt, a, fmt, b, P32)


def test_a_million_products():
    # More than a chunk, the largest products there are, and one smallest.
    a = np.full(1 << 20, P16.encode(P16.max), dtype=np.uint16)
    a[-1] = P16.encode(P16.min)
    expected = ((1 << 20) - 1) * Fraction(P16.max) ** 2 + Fraction(P16.min) ** 2
    quire = Quire(P16)
    quire.add_products(a, a)
    assert quire.integers() * Fraction(2) ** quire.lsb == expected
    assert FP32.dot(FP32.encode([0.0]), FP32.encode([0.0])) == 0
    assert P16.dot(a, a, out=P32) == scalar.encode(P32, expected)


@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        (P8, E4M3, BF16),
        (P16, Int(8), P32),
        (E2M1, BF16, FP32),
        (Int(8), Int(4), Int(32)),
        (E5M2, E4M3, FP32),
        (P32, FP32, P16),
        (Posit(4, 1), P16, Int(8)),
    ],
    ids=str,
)
def test_dots_of_two_formats(a, b, out):
    rng = np.random.default_rng(6)
    check_dot(a, random_codes(rng, a, (20, 4)), b, random_codes(rng, b, (20, 4)), out)
    check_dot(a, finite_codes(rng, a, (10, 40)), b, finite_codes(rng, b, (10, 40)), out)


def test_nan_and_infinities_in_dots():
    one, nar = P8.encode(1.0), P8.nan_code
    assert P8.dot([one, nar], [0, 0]) == nar
    inf, minus, zero, unit = (int(c) for c in BF16.encode([np.inf, -np.inf, 0.0, 1.0]))
    a = np.array([[inf, unit], [inf, inf], [inf, unit], [minus, unit], [inf, unit]])
    b = np.array([[unit, unit], [unit, minus], [zero, unit], [unit, unit], [unit, BF16.nan_code]])
    assert BF16.dot(a, b).tolist() == [inf, BF16.nan_code, BF16.nan_code, minus, BF16.nan_code]
    # Large finite sums beside them change nothing.
    assert BF16.dot([[inf] + [int(BF16.encode(BF16.lowest))] * 9], [[unit] * 10]) == inf
    # Into formats without them.
    assert BF16.dot(a, b, out=Int(8)).tolist() == [127, 0, 0, 128, 0]
    assert BF16.dot(a, b, out=P8).tolist() == [nar] * 5


def test_leading_axes_broadcast():
    rng = np.random.default_rng(7)
    for fmt in (P8, P16):
        a, b = finite_codes(rng, fmt, (5, 1, 33)), finite_codes(rng, fmt, (7, 33))
        products = fmt.dot(a, b)
        assert products.shape == (5, 7)
        assert all(products[i, j] == fmt.dot(a[i, 0], b[j]) for i in range(5) for j in range(7))
        assert fmt.dot(a[:, :, :0], b[:, :0]).tolist() == [[0] * 7] * 5
    # More sums than the products handled at a time.
    a, b = finite_codes(rng, P16, (300, 1, 17)), finite_codes(rng, P16, (300, 17))
    assert P16.dot(a, b)[299, 123] == P16.dot(a[299, 0], b[123])
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\): the last axes must have one length"):
        P8.dot([0, 0], [0, 0, 0])
    with pytest.raises(ValueError, match="the last axes must have one length"):
        Quire(P8).add_products([0], [0, 0, 0])


def test_quire_runs_like_a_hardware_accumulator():
    rng = np.random.default_rng(8)
    for a_format, b_format in ((P16, P16), (P8, E4M3), (P32, P32)):
        a, b = finite_codes(rng, a_format, (3, 40)), finite_codes(rng, b_format, (3, 40))
        bias = finite_codes(rng, a_format, (3,))
        quire = Quire(a_format, b_format, (3,))
        for part in np.array_split(np.arange(40), 7):
            quire.add_products(a[:, part], b[:, part])
        assert (quire.read() == a_format.dot(a, b, other=b_format)).all()
        quire.add(bias)
        for i in range(3):
            total = scalar.decode(a_format, int(bias[i]))
            for x, y in zip(a[i], b[i], strict=True):
                product = scalar.multiply(scalar.decode(a_format, int(x)), scalar.decode(b_format, int(y)))
                total = scalar.add(total, product)
            assert quire.integers()[i] * Fraction(2) ** quire.lsb == total
            assert quire.read(BF16)[i] == scalar.encode(BF16, total)
        quire.clear()
        assert quire.read().tolist() == [0, 0, 0]
        quire.add(np.full(3, a_format.nan_code))
        quire.add_products(a, b)
        assert quire.read().tolist() == [a_format.nan_code] * 3
        quire.clear()
        assert quire.integers().tolist() == [0, 0, 0]
    assert Quire(P16).lsb == P16.quire_lsb
    with pytest.raises(ValueError, match="int8_f7 has no 1: a value of posit8_0 may not fit"):
        Quire(P8, Int(8, fraction_bits=7)).add([0])


def test_a_quire_is_read_with_a_power_of_two():
    """Among them results that are subnormal, zero or too large in FP16."""
    rng = np.random.default_rng(9)
    weights = Posit(5, 1)
    scales = np.arange(-40, 41)
    a, b = finite_codes(rng, weights, (len(scales), 20)), finite_codes(rng, E4M3, (len(scales), 20))
    quire = Quire(weights, E4M3, (len(scales),))
    quire.add_products(a, b)
    assert Quire(weights, E4M3).lsb == -15
    for out in (FP16, FP32, E4M3, P8):
        for scale, total, code in zip(scales.tolist(), quire.integers(), quire.read(out, scale=scales), strict=True):
            assert code == scalar.encode(out, total * Fraction(2) ** (quire.lsb + scale)), (out, scale, total)
    fp16 = FP16.decode(quire.read(FP16, scale=scales))
    subnormal = (fp16 != 0) & (abs(fp16) < 2.0**-14)
    assert all(kind.any() for kind in (np.isinf(fp16), fp16 == 0, subnormal))


@pytest.mark.parametrize("es", range(4))
def test_a_posit_with_zeros_added_keeps_its_value(es):
    for n in range(3, 9):
        narrow, codes = Posit(n, es), np.arange(1 << n)
        for bits in (n, n + 1, 8, 13, 32):
            wide = narrow.aligned(codes, bits)
            expected = [scalar.decode(narrow, int(code)) for code in codes]
            assert [scalar.decode(Posit(bits, es), int(code)) for code in wide] == expected, (n, bits)
        # Codes as the signed integers that they are in two's complement.
        assert (narrow.aligned(codes - (1 << n), 16) == narrow.aligned(codes, 16)).all()
    with pytest.raises(ValueError, match="bits = 7 is not allowed: 8 to 32"):
        Posit(8, es).aligned([0], 7)


@pytest.mark.parametrize("destination", [E2M1, E4M3, E5M2, FP16, P8, P16, Int(8)], ids=str)
@pytest.mark.parametrize("source", [P8, P16, E4M3, E5M2, BF16, Int(8)], ids=str)
def test_convert_every_code(source, destination):
    codes = np.arange(0, 1 << source.bits, 1 if source.bits <= 8 else 61)
    for saturate in (None, True, False):
        expected = [scalar.encode(destination, scalar.decode(source, int(c)), saturate) for c in codes]
        assert (convert(codes, source, destination, saturate=saturate) == expected).all()


def test_specification_of_special_values_is_ieee():
    # The scalar twin's rules against float64's, on everything that is not a plain number.
    specials = {
        Special.NAN: np.nan,
        Special.INFINITY: np.inf,
        Special.MINUS_INFINITY: -np.inf,
        Special.MINUS_ZERO: -0.0,
    }
    numbers = {**specials, Fraction(0): 0.0, Fraction(2): 2.0, Fraction(-3): -3.0}
    with np.errstate(invalid="ignore"):
        for x, a in numbers.items():
            for y, b in numbers.items():
                for value, number in ((scalar.add(x, y), np.add(a, b)), (scalar.multiply(x, y), np.multiply(a, b))):
                    assert FP32.encode(number) == scalar.encode(FP32, value)
