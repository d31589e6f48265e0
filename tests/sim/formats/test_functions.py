"""Exponential, reciprocal and reciprocal square root: tables, integers, special values, errors against float64."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from tilewright.sim.formats import exp, reciprocal, rsqrt
from tilewright.sim.formats import functions as module

TABLES = {"exp2": module.EXP2, "reciprocal": module.RECIPROCAL, "even": module.RSQRT[0], "odd": module.RSQRT[1]}
FUNCTIONS = {"exp": exp, "reciprocal": reciprocal, "rsqrt": rsqrt}
NAN, INF, MINUS = 0x7FC00000, 0x7F800000, 0x80000000
SMALLEST = 0x00800000
"""FP32's smallest normal number."""
EACH = pytest.mark.parametrize("name", FUNCTIONS)
MANTISSAS = np.arange(1 << 23, dtype=np.uint32)


def floats(*codes: int) -> np.ndarray:
    return np.array(codes, np.uint32).view(np.float32)


def codes(y: np.ndarray) -> list[int]:
    assert y.dtype == np.float32
    return np.atleast_1d(y).view(np.uint32).tolist()


def binade(field: int, *, negative: bool = False, step: int = 1) -> np.ndarray:
    """Return the numbers with an exponent as it is stored, the smallest magnitude first."""
    return (MANTISSAS[::step] | np.uint32(field << 23 | negative << 31)).view(np.float32)


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """Return a function in float64."""
    x = x.astype(np.float64)
    return np.exp(x) if name == "exp" else 1 / x if name == "reciprocal" else 1 / np.sqrt(x)


def error(name: str, x: np.ndarray) -> float:
    """Return the largest relative error of the normal results there are."""
    wanted = exact(name, x)
    normal = (np.abs(wanted) >= 2.0**-126) & (np.abs(wanted) < float(np.finfo(np.float32).max))
    return float(np.abs(FUNCTIONS[name](x[normal]) / wanted[normal] - 1).max(initial=0))


def sample(count: int) -> np.ndarray:
    """Return any codes, and numbers of all magnitudes at which exponentials and inverses are normal."""
    rng = np.random.default_rng(1)
    corners = [k << 23 | low for k in range(256) for low in (0, 1, 0x3FFFFF, 0x400000, 0x7FFFFF)]
    entries = [field << 23 | i << 14 | low for field in (127, 128) for i in range(512) for low in (0, 1, 0x3FFF)]
    near = rng.uniform(-90, 90, count).astype(np.float32).view(np.uint32)
    chosen = np.concatenate([rng.integers(0, 1 << 32, count), corners, entries, near]).astype(np.uint32)
    return np.concatenate([chosen, chosen ^ MINUS]).astype(np.uint32).view(np.float32)


def scalar_significand(entry, falls: bool, position: int) -> int:
    """Return a significand as the contract says it; ``entry(i)`` is the function at entry i in float64."""

    def base(i: int) -> int:
        chord = (entry(i - 1) - 2 * entry(i) + entry(i + 1)) / 8 if 0 < i < 512 else 0
        return round((entry(i) - chord / 2) * 2**26)

    index, t = divmod(position, 1 << 14)
    way = abs(base(index + 1) - base(index)) * t // 2**14
    return (base(index) + (-way if falls else way) + 4) // 8


def scalar(name: str, x: float) -> Fraction | float:
    """Return a function of a number whose result is normal, in integers and fractions."""
    if name == "exp":
        exact_product = abs(Fraction(x)) * module.LOG2_E / 2**30
        half_units = int(exact_product * 2**24)
        position = math.floor(Fraction(half_units if x >= 0 else -half_units, 2) + Fraction(1, 2))
        scale, fraction = divmod(position, 1 << 23)
        significand = scalar_significand(lambda i: math.exp2(i / 512), False, fraction)
        return Fraction(significand, 1 << 23) * Fraction(2) ** scale
    mantissa, exponent = math.frexp(abs(x))
    scale, position = exponent - 1, int((2 * mantissa - 1) * 2**23)
    if name == "reciprocal":
        significand = scalar_significand(lambda i: 1024 / (512 + i), True, position)
        return math.copysign(1, x) * Fraction(significand, 1 << 24) / Fraction(2) ** scale
    scale, odd = divmod(scale, 2)
    significand = scalar_significand(lambda i: 2 * ((1 << odd) * (1 + i / 512)) ** -0.5, True, position)
    return Fraction(significand, 1 << 24) / Fraction(2) ** scale


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    table = TABLES[name]
    base, steps = table.base, table.steps
    assert len(base) == 513
    assert table.falls == (name != "exp2")
    assert all(low < high for low, high in itertools.pairwise(base[::-1] if table.falls else base))
    assert max(steps) < 1 << 18
    root = 2**26 * math.sqrt(2)
    assert {base[0], base[-1]} == {
        "exp2": {1 << 26, 1 << 27}, "reciprocal": {1 << 26, 1 << 27}, "even": {1 << 27, round(root)}, "odd": {1 << 26, round(root)},
    }[name]  # fmt: skip
    # So far from a tie that the last bit of a float64 does not matter.
    values = [table.function(i / 512) * 2**26 for i in range(513)]
    inner = [b - (a - 2 * b + c) / 16 for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    assert min(abs(x % 1 - 0.5) for x in inner) > 1e-6
    # A significand of 2 only where it is exact.
    top = table.significand(np.array([0, (1 << 23) - 1]))
    assert top[0] == (base[0] + 4) >> 3
    assert 1 << 23 <= top[1] < 1 << 24


@EACH
def test_the_integers_of_the_contract(name):
    x = sample(400)
    if name == "rsqrt":
        x = x[x > 0]
    with np.errstate(all="ignore"):
        wanted = np.abs(exact(name, x))
    normal = (np.abs(x) >= 2.0**-126) | (name == "exp")
    x = x[normal & np.isfinite(x) & (wanted >= 2.0**-126) & (wanted < float(np.finfo(np.float32).max))]
    assert len(x) > 2000
    for number, y in zip(x.tolist(), FUNCTIONS[name](x).tolist(), strict=True):
        assert Fraction(y) == scalar(name, number), number


@pytest.mark.parametrize("name", ["reciprocal", "rsqrt"])
def test_errors_of_inverses(name):
    # All mantissas at two neighbouring exponents: others change the exponent of the result and nothing else.
    x = np.concatenate([binade(127), binade(128)])
    y = FUNCTIONS[name](x)
    measured = float(np.abs(y / exact(name, x) - 1).max())
    print(f"{name}: {measured:.5g}")
    assert 0.95 * module.MAX_ERROR[name] < measured <= module.MAX_ERROR[name] <= 1e-6
    assert (np.diff(y) <= 0).all()
    few = binade(127, step=4099)
    for field in range(1, 255):
        place = field - 127
        power = -place if name == "reciprocal" else -(place // 2)
        wanted = FUNCTIONS[name](few if name == "reciprocal" or place % 2 == 0 else 2 * few) * 2.0**power
        kept = wanted >= 2.0**-126
        assert (FUNCTIONS[name](binade(field, step=4099))[kept] == wanted[kept]).all()


def test_error_of_the_exponential():
    # The binade with the largest error, the largest arguments, and every 1009th number.
    measured = error("exp", binade(127, negative=True))
    print(f"exp: {measured:.5g}")
    assert 0.95 * module.MAX_ERROR["exp"] < measured <= module.MAX_ERROR["exp"] <= 1e-6
    for negative in (False, True):
        assert error("exp", binade(133, negative=negative, step=3)) <= measured
        for field in range(1, 134):
            assert error("exp", binade(field, negative=negative, step=1009)) <= measured


@pytest.mark.slow
@pytest.mark.parametrize("negative", [False, True])
def test_error_of_the_exponential_of_all_numbers(negative):
    previous = np.float32(1)
    # Below, the exponential is 1 and off by less than 2**-28.
    assert codes(exp(binade(98, negative=negative, step=7)[-1])) == [0x3F800000]
    for field in range(99, 134):
        x = binade(field, negative=negative)
        assert error("exp", x) <= module.MAX_ERROR["exp"]
        y = exp(x)
        joined = np.concatenate([[previous], y])
        low, high = (joined[1:], joined[:-1]) if negative else (joined[:-1], joined[1:])
        assert (low <= high).all()
        previous = y[-1]


@EACH
def test_monotonic(name):
    code = np.arange(SMALLEST, INF + 1, 641).astype(np.uint32)
    y = FUNCTIONS[name](code.view(np.float32))
    assert (y[1:] >= y[:-1]).all() if name == "exp" else (y[1:] <= y[:-1]).all()
    if name != "rsqrt":
        y = FUNCTIONS[name]((code | np.uint32(MINUS)).view(np.float32))
        assert (y[1:] <= y[:-1]).all() if name == "exp" else (y[1:] >= y[:-1]).all()


def test_special_exponentials():
    x = floats(NAN, 0xFFC00000, 0x7F800001, INF, INF | MINUS, 0, MINUS, 1, 1 | MINUS, SMALLEST, SMALLEST | MINUS)
    one = 0x3F800000
    assert codes(exp(x)) == [NAN] * 3 + [INF, 0] + [one] * 6
    assert codes(exp(np.float32([2**-25, -(2**-26), 128, -128, 1e30, -1e30]))) == [one, one, INF, 0, INF, 0]
    # FP32's range ends where the exponential leaves it, and no subnormal number is left.
    highest, lowest = np.float32(88.72283), np.float32(-87.33654)
    assert np.isfinite(exp(highest))
    assert np.isinf(exp(np.nextafter(highest, np.float32(100))))
    assert exp(lowest) >= 2.0**-126
    assert codes(exp(np.nextafter(lowest, np.float32(-100)))) == [0]
    assert exp(np.float32([[0, 1]])).shape == (1, 2)


def test_special_reciprocals():
    x = floats(NAN, 0xFFC00000, 0x7F800001, INF, INF | MINUS, 0, MINUS, 1, 0x007FFFFF | MINUS)
    assert codes(reciprocal(x)) == [NAN] * 3 + [0, MINUS, INF, INF | MINUS, INF, INF | MINUS]
    powers = np.ldexp(np.float32(1), np.arange(-126, 127)).astype(np.float32)
    assert (reciprocal(np.concatenate([powers, -powers])) == 1 / np.concatenate([powers, -powers])).all()
    # What has a subnormal reciprocal.
    assert codes(reciprocal(np.float32([2.0**127, -(2.0**127)]))) == [0, MINUS]
    assert codes(reciprocal(np.nextafter(powers[-1:], np.float32(np.inf)))) == [0]


def test_special_reciprocal_square_roots():
    x = floats(NAN, 0xFFC00000, 0x7F800001, INF | MINUS, SMALLEST | MINUS, 0xBF800000, INF, 0, MINUS, 1, 1 | MINUS)
    assert codes(rsqrt(x)) == [NAN] * 6 + [0] + [INF] * 4
    powers = np.ldexp(1.0, np.arange(-126, 127, 2)).astype(np.float32)
    assert (rsqrt(powers) == 1 / np.sqrt(powers)).all()
