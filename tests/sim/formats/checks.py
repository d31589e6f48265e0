"""Comparison of the array code with the scalar specification."""

from fractions import Fraction
from functools import lru_cache

import numpy as np

from tilewright.sim.formats import BF16, FP16, Int, Minifloat, Posit, ScalarFormat, parse_format, scalar
from tilewright.sim.formats.scalar import Special, Value

SMALL_POSITS = [Posit(n, es) for n in range(3, 11) for es in range(5)]
NAMED = [parse_format(name) for name in ["fp4_e2m1", "fp6_e3m2", "fp6_e2m3", "fp8_e4m3", "fp8_e5m2", "int4", "int8"]]
SMALL = [
    *SMALL_POSITS,
    *NAMED,
    Minifloat(4, 3),
    Minifloat(4, 3, "none"),
    Minifloat(5, 2, "fn"),
    Minifloat(3, 4, saturate=False),
    Int(2),
    Int(5),
    Int(8, fraction_bits=6),
]
WIDE = [Posit(16, 1), BF16, FP16]

SPECIALS = {Special.INFINITY: np.inf, Special.MINUS_INFINITY: -np.inf, Special.NAN: np.nan, Special.MINUS_ZERO: -0.0}


def to_float(value: Value) -> float:
    """Return the float64 that is exactly a value."""
    if isinstance(value, Special):
        return SPECIALS[value]
    assert Fraction(float(value)) == value
    return float(value)


def to_value(number: float) -> Value:
    if np.isnan(number):
        return Special.NAN
    if np.isinf(number):
        return Special.INFINITY if number > 0 else Special.MINUS_INFINITY
    if number == 0 and np.signbit(number):
        return Special.MINUS_ZERO
    return Fraction(float(number))


@lru_cache(maxsize=8)
def values(fmt: ScalarFormat) -> np.ndarray:
    """Return the value of every code by the specification."""
    return np.array([to_float(scalar.decode(fmt, code)) for code in range(1 << fmt.bits)])


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tell where float64 values are equal, NaN and the sign of zero included."""
    return ((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))


def halfway(fmt: ScalarFormat, codes: np.ndarray) -> np.ndarray:
    """Return, for codes of values >= 0, the numbers halfway to the next code, by the specification."""
    if isinstance(fmt, Posit):
        longer = Posit(fmt.n + 1, fmt.es) if fmt.n < 32 else None
        if longer is None:
            return np.array([to_float(scalar._posit(33, fmt.es, 2 * int(c) + 1)) for c in codes])
        return np.array([to_float(scalar.decode(longer, 2 * int(c) + 1)) for c in codes])
    pairs = [(scalar.decode(fmt, int(c)), scalar.decode(fmt, int(c) + 1)) for c in codes]
    return np.array([to_float((a + b) / 2) for a, b in pairs])


def edges(fmt: ScalarFormat) -> np.ndarray:
    """Return numbers at and beyond the ends of the range of a format."""
    top = fmt.max - np.nextafter(fmt.max, 0)
    last = fmt.max * 2.0 ** -(fmt.significand_bits - 1)
    beyond = fmt.max + np.array([top, last / 4, last / 2, last, 1.5 * last])
    small = fmt.min * np.array([1.5, 1, 0.75, 0.5, 0.25, 1e-3])
    points = np.concatenate([beyond, small, [2 * fmt.max, 3 * fmt.max, 1e300, 1e-300, 5e-324, 0.0, np.inf]])
    return np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, 0)])


def probes(fmt: ScalarFormat, codes: np.ndarray) -> np.ndarray:
    """Return what tells one rounding from another: values, points halfway and beside, of either sign."""
    points = halfway(fmt, codes)
    exact = fmt.decode(codes)
    points = np.concatenate([exact, points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf), edges(fmt)])
    return np.concatenate([points, -points, [np.nan, -np.nan]])


def positive_codes(fmt: ScalarFormat) -> np.ndarray:
    """Return the codes of values >= 0 but for the largest."""
    return np.arange(int(fmt.encode(fmt.max)))


def check_encode(fmt: ScalarFormat, numbers: np.ndarray, saturate: bool | None = None) -> None:
    """Assert that numbers have the codes that the specification gives them."""
    codes = fmt.encode(numbers, saturate=saturate)
    assert codes.dtype == fmt.code_dtype
    expected = np.array([scalar.encode(fmt, to_value(x), saturate) for x in numbers])
    wrong = np.flatnonzero(codes != expected)
    assert not len(wrong), f"{fmt}: {numbers[wrong[0]]!r} gives {codes[wrong[0]]:#x}, not {expected[wrong[0]]:#x}"


def check_operation(
    fmt: ScalarFormat, operation: str, a: np.ndarray, b: np.ndarray, out: ScalarFormat | None = None
) -> None:
    """Assert that ``add`` or ``multiply`` of codes gives what the specification gives."""
    out = out or fmt
    results = getattr(fmt, operation)(a, b, out=out)
    exact = getattr(scalar, operation)
    decoded = {int(code): scalar.decode(fmt, int(code)) for code in np.unique([a, b])}
    rounded: dict[Value, int] = {}
    for x, y, result in zip(a.tolist(), b.tolist(), results.tolist(), strict=True):
        value = exact(decoded[x], decoded[y])
        if value not in rounded:
            rounded[value] = scalar.encode(out, value)
        assert result == rounded[value], f"{fmt} {operation} {x:#x}, {y:#x}: {result:#x}, not {rounded[value]:#x}"


def check_dot(
    a_format: ScalarFormat, a: np.ndarray, b_format: ScalarFormat, b: np.ndarray, out: ScalarFormat | None = None
) -> None:
    """Assert that the dot products of rows of codes are what the specification gives."""
    out = out or a_format
    results = a_format.dot(a, b, other=b_format, out=out)
    for x, y, result in zip(a.tolist(), b.tolist(), results.tolist(), strict=True):
        exact = scalar.dot([scalar.decode(a_format, c) for c in x], [scalar.decode(b_format, c) for c in y])
        expected = scalar.encode(out, exact)
        assert result == expected, f"{a_format} x {b_format} -> {out}: {result:#x}, not {expected:#x}"
