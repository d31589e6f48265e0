"""Decoding and encoding against the specification, and the specification's own anchors."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.formats.checks import (
    NAMED,
    SMALL,
    WIDE,
    check_encode,
    halfway,
    positive_codes,
    probes,
    same,
    to_float,
    values,
)
from tilewright.sim.formats import BF16, E4M3, E5M2, E8M0, FP32, Int, Minifloat, Posit, UInt, scalar
from tilewright.sim.formats.scalar import Special

SIXTEEN = [
    *WIDE,
    *(Posit(n, es) for n in (11, 13, 16) for es in range(5) if (n, es) != (16, 1)),
    Minifloat(6, 9),
    Minifloat(4, 11, "fn"),
    Minifloat(8, 7, "none"),
    Int(16),
    Int(12, fraction_bits=11),
]
LONG = [*(Posit(n, es) for n in (17, 24, 31, 32) for es in range(5)), FP32, Minifloat(8, 23, "fn"), Int(24), Int(32)]


@pytest.mark.parametrize("fmt", [*SMALL, *WIDE, E8M0, UInt(8)], ids=str)
def test_every_code_decodes_as_specified(fmt):
    assert same(fmt.decode(np.arange(1 << fmt.bits)), values(fmt)).all()


@pytest.mark.parametrize("fmt", [*SMALL, UInt(2), UInt(8)], ids=str)
def test_every_boundary_is_where_it_is_specified(fmt):
    numbers = probes(fmt, positive_codes(fmt))
    check_encode(fmt, numbers)
    check_encode(fmt, numbers, saturate=True)
    check_encode(fmt, numbers, saturate=False)


@pytest.mark.parametrize("fmt", SIXTEEN, ids=str)
def test_sampled_boundaries_of_16_bit_formats(fmt):
    codes = np.random.default_rng(1).choice(positive_codes(fmt), 300)
    numbers = probes(fmt, codes)
    check_encode(fmt, numbers)
    check_encode(fmt, numbers, saturate=False)


@pytest.mark.parametrize("fmt", WIDE, ids=str)
def test_every_boundary_of_16_bit_formats_lies_between_its_codes(fmt):
    # As the specification defines it, without its search for the code: halfway goes to the even neighbour, and the
    # float64 numbers beside it to the neighbour on their side.
    low = positive_codes(fmt)
    if isinstance(fmt, Posit):
        low = low[1:]  # nothing rounds to zero
    middle = halfway(fmt, low)
    sign = 1 << (fmt.bits - 1)
    for numbers, expected in (
        (middle, low + low % 2),
        (np.nextafter(middle, 0), low),
        (np.nextafter(middle, np.inf), low + 1),
    ):
        assert (fmt.encode(numbers) == expected).all()
        negative = 2 * sign - expected if isinstance(fmt, Posit) else sign + expected
        assert (fmt.encode(-numbers) == negative).all()


@pytest.mark.slow
@pytest.mark.parametrize("fmt", WIDE, ids=str)
def test_every_boundary_of_16_bit_formats_is_where_it_is_specified(fmt):
    numbers = probes(fmt, positive_codes(fmt))
    check_encode(fmt, numbers)
    check_encode(fmt, numbers[::7], saturate=False)
    check_encode(fmt, numbers[::7], saturate=True)


@pytest.mark.slow
@pytest.mark.parametrize("n", range(11, 17))
@pytest.mark.parametrize("es", range(5))
def test_every_posit_up_to_16_bits(n, es):
    fmt = Posit(n, es)
    assert same(fmt.decode(np.arange(1 << n)), values(fmt)).all()
    check_encode(fmt, probes(fmt, positive_codes(fmt)[:: 1 << max(0, n - 13)]))


@pytest.mark.parametrize("fmt", LONG, ids=str)
def test_sampled_codes_of_long_formats(fmt):
    rng = np.random.default_rng(2)
    codes = np.concatenate([rng.integers(0, 1 << fmt.bits, 300), np.arange(40), (1 << fmt.bits) - 1 - np.arange(40)])
    expected = np.array([to_float(scalar.decode(fmt, int(code))) for code in codes])
    assert same(fmt.decode(codes), expected).all()
    check_encode(fmt, probes(fmt, rng.choice(int(fmt.encode(fmt.max)), 60)))
    check_encode(fmt, rng.choice([-1, 1], 300) * 2.0 ** rng.uniform(-200, 200, 300))


def test_the_specification_agrees_with_published_values():
    # Posits: the worked example of Gustafson and Yonemoto 2017, and a small ring by hand.
    assert scalar.decode(Posit(16, 3), 0b0000110111011101) == Fraction(477, 134217728)
    assert [scalar.decode(Posit(5, 1), code) for code in range(1, 16)] == [
        Fraction(1, 64), Fraction(1, 16), Fraction(1, 8), Fraction(1, 4), Fraction(3, 8), Fraction(1, 2), Fraction(3, 4),
        1, Fraction(3, 2), 2, 3, 4, 8, 16, 64,
    ]  # fmt: skip
    # OCP MX v1.0, E2M1: all the magnitudes there are.
    e2m1 = Minifloat(2, 1, "none")
    assert [scalar.decode(e2m1, code) for code in range(8)] == [0, Fraction(1, 2), 1, Fraction(3, 2), 2, 3, 4, 6]
    # OCP FP8 v1.0, table of the details of the formats.
    assert scalar.decode(E4M3, 0b0_1111_110) == 448
    assert scalar.decode(E4M3, 0b0_0000_001) == Fraction(1, 512)
    assert scalar.decode(E4M3, 0b1_1111_111) is Special.NAN
    assert scalar.decode(E5M2, 0b0_11110_11) == 57344
    assert scalar.decode(E5M2, 0b0_00000_01) == Fraction(1, 65536)
    assert scalar.decode(E5M2, 0b1_11111_00) is Special.MINUS_INFINITY


def test_special_values():
    specials = [np.nan, np.inf, -np.inf, 0.0, -0.0]
    assert Posit(8, 0).encode(specials).tolist() == [0x80, 0x80, 0x80, 0, 0]
    assert E4M3.encode(specials).tolist() == [0x7F, 0x7E, 0xFE, 0, 0x80]
    assert E4M3.encode(specials, saturate=False).tolist() == [0x7F, 0x7F, 0xFF, 0, 0x80]
    assert E5M2.encode(specials).tolist() == [0x7E, 0x7B, 0xFB, 0, 0x80]
    assert E5M2.encode(specials, saturate=False).tolist() == [0x7E, 0x7C, 0xFC, 0, 0x80]
    assert BF16.encode(specials).tolist() == [0x7FC0, 0x7F80, 0xFF80, 0, 0x8000]
    assert Minifloat(2, 1, "none").encode(specials, saturate=False).tolist() == [7, 7, 15, 0, 8]
    assert Int(4).encode(specials).tolist() == [0, 7, 8, 0, 0]


def test_codes_keep_shape_and_take_any_integer_dtype():
    codes = np.array([[1, 255], [128, 7]], dtype=np.uint8)
    expected = Int(8).decode(codes)
    assert expected.tolist() == [[1, -1], [-128, 7]]
    for dtype in (np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        assert (Int(8).decode(codes.astype(dtype)) == expected).all()
    assert (Int(8).decode(codes.T) == expected.T).all()
    assert Int(8).decode(300).shape == ()
    assert Int(8).decode(300) == 300 - 256, "only the low bits count"
    assert Int(8).encode(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert [Posit(n, 0).encode(1.0).dtype.itemsize for n in (8, 9, 16, 17, 32)] == [1, 2, 2, 4, 4]
    with pytest.raises(TypeError, match="int8: codes must be integers, not float64"):
        Int(8).decode([1.0])


def test_arrays_longer_than_a_chunk():
    numbers = np.random.default_rng(3).standard_normal(50_001)
    for fmt in (*NAMED, *WIDE, Posit(32, 2)):
        codes = fmt.encode(numbers)
        assert (codes[::-1] == fmt.encode(numbers[::-1])).all()
        assert (codes[12_345:12_350] == fmt.encode(numbers[12_345:12_350])).all()
        assert same(fmt.decode(codes)[12_345:], fmt.decode(codes[12_345:])).all()


formats = st.one_of(
    st.builds(Posit, st.integers(3, 32), st.integers(0, 4)),
    st.builds(Minifloat, st.integers(2, 8), st.integers(1, 23), st.sampled_from(["ieee", "fn", "none"]), st.booleans()),
    st.builds(Int, st.integers(2, 32)),
)


@given(formats, st.data())
@settings(max_examples=300, deadline=None)
def test_encode_inverts_decode(fmt, data):
    code = data.draw(st.integers(0, (1 << fmt.bits) - 1))
    value = fmt.decode(code)
    again = int(fmt.encode(value, saturate=False))
    if np.isnan(value):
        assert again == fmt.nan_code
    else:
        assert again == code


@given(formats, st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
@settings(max_examples=300, deadline=None)
def test_encode_is_monotonic(fmt, numbers):
    finite = [x for x in numbers if np.isfinite(x)] if isinstance(fmt, Posit) else numbers
    rounded = fmt.decode(fmt.encode(np.sort(finite), saturate=True))
    assert (np.diff(rounded[np.isfinite(rounded)]) >= 0).all()


@given(formats, st.floats(allow_nan=True))
@settings(max_examples=300, deadline=None)
def test_encode_is_as_specified(fmt, number):
    check_encode(fmt, np.array([number]))


@pytest.mark.parametrize("name", ["half up", "toward zero", "to zero", "subnormals lost", "wraps"])
def test_the_checks_find_planted_faults(name):
    fmt = FAULTS[name]
    with pytest.raises(AssertionError, match=r"gives 0x\w+, not 0x\w+"):
        check_encode(fmt, probes(fmt, np.arange(100)))


class HalfUpPosit(Posit):
    def _encode(self, values, saturate):
        with np.errstate(over="ignore"):
            up = np.nextafter(values, np.copysign(np.inf, values))
        return super()._encode(np.where(values == 0, values, up), saturate)


class TowardZeroMinifloat(Minifloat):
    def _encode(self, values, saturate):
        codes = super()._encode(values, saturate)
        return np.where(np.abs(self._decode(codes)) > np.abs(values), codes - 1, codes)


class UnderflowPosit(Posit):
    def _encode(self, values, saturate):
        return np.where(np.abs(values) < self.min / 2, 0, super()._encode(values, saturate))


class FlushMinifloat(Minifloat):
    def _encode(self, values, saturate):
        return super()._encode(np.where(np.abs(values) < 2.0**self.emin, 0 * values, values), saturate)


class WrapInt(Int):
    def _encode(self, values, saturate):
        integers = np.rint(np.nan_to_num(values, posinf=0, neginf=0) % 2.0**self.width)
        return integers.astype(np.int64) & ((1 << self.width) - 1)


FAULTS = {
    "half up": HalfUpPosit(8, 0),
    "toward zero": TowardZeroMinifloat(4, 3, "fn"),
    "to zero": UnderflowPosit(8, 0),
    "subnormals lost": FlushMinifloat(4, 3, "fn"),
    "wraps": WrapInt(8),
}
