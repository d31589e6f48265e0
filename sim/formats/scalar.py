"""The specification: the formats one code at a time, in exact rationals, straight from their definitions.

The code is slow and meant to be read. It shares nothing with the array code except the fields of the formats, not even
their derived properties; tests compare the two. Values are Fractions, or a :class:`Special` where no rational number
will do.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from fractions import Fraction
from functools import lru_cache, reduce

from .format import ScalarFormat
from .integer import Int, UInt
from .microscaling import Microscaling
from .minifloat import Minifloat
from .posit import Posit
from .scale import PowerOfTwo
from .simd import Mode


class Special(Enum):
    """Value that is not a rational number."""

    NAN = "nan"  # NaR too
    INFINITY = "inf"
    MINUS_INFINITY = "-inf"
    MINUS_ZERO = "-0"


Value = Fraction | Special
_ZERO: Value = Fraction(0)
INFINITIES = (Special.INFINITY, Special.MINUS_INFINITY)


def decode(scalar: ScalarFormat, code: int) -> Value:
    """Return the value of a code, an integer of as many bits as the format has."""
    match scalar:
        case Posit(n, es):
            return _posit(n, es, code)
        case Minifloat():
            return _decode_minifloat(scalar, code)
        case Int(width, fraction_bits):
            signed = code - (1 << width) if code >> (width - 1) else code
            return Fraction(signed, 1 << fraction_bits)
        case UInt():
            return Fraction(code)
        case PowerOfTwo():
            return Special.NAN if code == 255 else Fraction(2) ** (code - 127)
    raise TypeError(f"no definition of {scalar}")


def encode(scalar: ScalarFormat, value: Value, saturate: bool | None = None) -> int:
    """Return the code that a value rounds to."""
    match scalar:
        case Posit():
            return _encode_posit(scalar, value)
        case Minifloat():
            return _encode_minifloat(scalar, value, scalar.saturate if saturate is None else saturate)
        case Int():
            return _encode_int(scalar, value)
        case UInt(width):
            if value is Special.INFINITY:
                return (1 << width) - 1
            return min(max(round(value), 0), (1 << width) - 1) if isinstance(value, Fraction) else 0
        case PowerOfTwo():
            if value in (Special.NAN, *INFINITIES):
                return 255
            positive = isinstance(value, Fraction) and value > 0
            return min(max(_floor_log2(value), -127), 127) + 127 if positive else 0  # type: ignore[arg-type]
    raise TypeError(f"no definition of {scalar}")


@lru_cache(maxsize=1 << 18)
def _posit(n: int, es: int, code: int) -> Value:
    """Return the value of an n-bit posit; n may also be 33, for the posit between two 32-bit ones."""
    if code == 0:
        return Fraction(0)
    if code == 1 << (n - 1):
        return Special.NAN
    if code >> (n - 1):
        magnitude = _posit(n, es, (1 << n) - code)
        assert isinstance(magnitude, Fraction)
        return -magnitude
    body = f"{code:0{n - 1}b}"
    run = len(body) - len(body.lstrip(body[0]))
    regime = run - 1 if body[0] == "1" else -run
    rest = body[run + 1 :]
    exponent = int(rest[:es].ljust(es, "0") or "0", 2)
    fraction = rest[es:]
    significand = 1 + Fraction(int(fraction or "0", 2), 1 << len(fraction))
    return significand * Fraction(2) ** (regime * 2**es + exponent)


def _encode_posit(posit: Posit, value: Value) -> int:
    n, es = posit.n, posit.es
    if value in (Special.NAN, *INFINITIES):
        return 1 << (n - 1)
    if value in (Special.MINUS_ZERO, 0):
        return 0
    assert isinstance(value, Fraction)
    if value < 0:
        return (1 << n) - _encode_posit(posit, -value)
    # The largest posit u that is not above the value. Codes are in the order of their values.
    low, high = 1, (1 << (n - 1)) - 1
    if value <= _posit(n, es, low):  # type: ignore[operator]
        return low
    if value >= _posit(n, es, high):  # type: ignore[operator]
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _posit(n, es, middle) <= value else (low, middle)  # type: ignore[operator]
    # Halfway between u and its neighbour lies the posit of one bit more: u with a 1 behind it.
    halfway = _posit(n + 1, es, 2 * low + 1)
    assert isinstance(halfway, Fraction)
    if value == halfway:
        return low if low % 2 == 0 else high
    return low if value < halfway else high


def _layout(minifloat: Minifloat) -> tuple[int, int, int]:
    """Return mantissa bits, exponent of the smallest normal value and the first code above the largest finite one."""
    e, m = minifloat.exponent_bits, minifloat.mantissa_bits
    end = 1 << (e + m)
    finite = {"ieee": end - (1 << m), "fn": end - 1, "none": end}[minifloat.specials]
    return m, 2 - (1 << (e - 1)), finite


def _decode_minifloat(minifloat: Minifloat, code: int) -> Value:
    m, emin, end = _layout(minifloat)
    negative, magnitude = divmod(code, 1 << (minifloat.exponent_bits + m))
    if magnitude >= end:
        if minifloat.specials == "ieee" and magnitude == end:
            return Special.MINUS_INFINITY if negative else Special.INFINITY
        return Special.NAN
    if negative and magnitude == 0:
        return Special.MINUS_ZERO
    field, mantissa = divmod(magnitude, 1 << m)
    if field == 0:
        value = Fraction(mantissa) * Fraction(2) ** (emin - m)
    else:
        value = (1 + Fraction(mantissa, 1 << m)) * Fraction(2) ** (field - 1 + emin)
    return -value if negative else value


def _encode_minifloat(minifloat: Minifloat, value: Value, saturate: bool) -> int:
    m, emin, end = _layout(minifloat)
    if value is Special.NAN:
        quiet = end + (1 << (m - 1))
        return {"ieee": quiet, "fn": end, "none": end - 1}[minifloat.specials]
    negative = value in (Special.MINUS_INFINITY, Special.MINUS_ZERO) or (isinstance(value, Fraction) and value < 0)
    sign = negative << (minifloat.exponent_bits + m)
    # What is too large saturates, or takes the code behind the largest finite value: infinity, or E4M3's NaN.
    overflow = end - 1 if saturate or minifloat.specials == "none" else end
    if value in INFINITIES:
        return sign + overflow
    if value in (Special.MINUS_ZERO, 0):
        return sign
    assert isinstance(value, Fraction)
    # Round to m + 1 bits, or to the subnormals' spacing, as if there were no largest value. Fraction's round is to
    # nearest even. A carry to m + 2 bits is right as it is: the code counts on.
    exponent = max(_floor_log2(abs(value)), emin)
    significand = round(abs(value) / Fraction(2) ** (exponent - m))
    magnitude = significand + ((exponent - emin) << m)
    return sign + (magnitude if magnitude < end else overflow)


def _encode_int(integer: Int, value: Value) -> int:
    end = 1 << (integer.width - 1)
    if value in (Special.NAN, Special.MINUS_ZERO):
        return 0
    if value is Special.INFINITY:
        return end - 1
    if value is Special.MINUS_INFINITY:
        return end
    assert isinstance(value, Fraction)
    return min(max(round(value * 2**integer.fraction_bits), -end), end - 1) % (2 * end)


def _floor_log2(value: Fraction) -> int:
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent if Fraction(2) ** exponent <= value else exponent - 1


def add(a: Value, b: Value) -> Value:
    """Return the exact sum; special values as in IEEE 754 in round-to-nearest."""
    if Special.NAN in (a, b) or {a, b} == set(INFINITIES):
        return Special.NAN
    for infinity in INFINITIES:
        if infinity in (a, b):
            return infinity
    if a is b is Special.MINUS_ZERO:
        return a
    return _rational(a) + _rational(b)


def multiply(a: Value, b: Value) -> Value:
    """Return the exact product; special values as in IEEE 754."""
    infinite = a in INFINITIES or b in INFINITIES
    zero = _sign(a)[0] == 0 or _sign(b)[0] == 0
    if Special.NAN in (a, b) or (infinite and zero):
        return Special.NAN
    negative = _sign(a)[1] != _sign(b)[1]
    if infinite:
        return Special.MINUS_INFINITY if negative else Special.INFINITY
    if zero:
        return Special.MINUS_ZERO if negative else Fraction(0)
    return _rational(a) * _rational(b)


def dot(a: Iterable[Value], b: Iterable[Value]) -> Value:
    """Return the exact sum of products; an exact zero is +0."""
    products: Iterable[Value] = (multiply(x, y) for x, y in zip(a, b, strict=True))
    return reduce(add, products, _ZERO)


def simd_dot(mode: Mode, a_words: Iterable[int], b_words: Iterable[int]) -> Value:
    """Return the sum that the SIMD MAC computes for two rows of 16-bit words."""
    a, b = ([code for word in words for code in _lanes(mode, word)] for words in (a_words, b_words))
    products = (_simd_product(mode, x, y) for x, y in zip(a, b, strict=True))
    return reduce(add, products, _ZERO)


def _lanes(mode: Mode, word: int) -> list[int]:
    return [(word >> mode.bits * lane) % (1 << mode.bits) for lane in range(16 // mode.bits)]


def _simd_product(mode: Mode, a: int, b: int) -> Value:
    product = multiply(decode(mode.format, a), decode(mode.format, b))
    if mode is not Mode.BF16 or not isinstance(product, Fraction) or product == 0:
        return product
    # A significand is an integer of 8 bits, so that the smallest exponent code in use, 1, stands for 2**-133.
    exponent = sum(max(code >> 7 & 255, 1) - 134 for code in (a, b))
    if exponent < -80:
        return Fraction(0)
    if exponent > 15:
        return Special.INFINITY if product > 0 else Special.MINUS_INFINITY
    return product


def _rational(value: Value) -> Fraction:
    return Fraction(0) if value is Special.MINUS_ZERO else value  # type: ignore[return-value]


def _sign(value: Value) -> tuple[int, bool]:
    """Return 0 for zeros and 1 for others, and whether the sign is minus."""
    if isinstance(value, Fraction):
        return int(value != 0), value < 0
    return int(value is not Special.MINUS_ZERO), value in (Special.MINUS_INFINITY, Special.MINUS_ZERO)


def encode_block(blocks: Microscaling, values: Sequence[Value]) -> tuple[int, list[int]]:
    """Return the codes of a block's scale and elements."""
    if any(v is Special.NAN or v in INFINITIES for v in values):
        nan = 255 if isinstance(blocks.scale, PowerOfTwo) else encode(blocks.scale, Special.NAN)
        return nan, [0] * len(values)
    amax = max(abs(_rational(v)) for v in values)
    largest = _largest(blocks.element)
    if isinstance(blocks.scale, PowerOfTwo):
        scale_code = 0 if amax == 0 else min(max(_floor_log2(amax) - _floor_log2(largest), -127), 127) + 127
    else:
        scale_code = encode(blocks.scale, amax / largest, saturate=True)
    scale = decode(blocks.scale, scale_code)
    assert isinstance(scale, Fraction)
    elements = []
    for value in values:
        if scale and isinstance(value, Fraction):
            elements.append(encode(blocks.element, value / scale, saturate=True))
        else:
            zero = Special.MINUS_ZERO if _sign(value)[1] else Fraction(0)
            elements.append(encode(blocks.element, zero))
    return scale_code, elements


def decode_block(blocks: Microscaling, scale: int, elements: Iterable[int]) -> list[Value]:
    """Return the values of a block."""
    return [multiply(decode(blocks.element, code), decode(blocks.scale, scale)) for code in elements]


@lru_cache(maxsize=16)
def _largest(element: Minifloat | Int) -> Fraction:
    """Return the largest finite value of a format."""
    bits = element.width if isinstance(element, Int) else 1 + element.exponent_bits + element.mantissa_bits
    values = (decode(element, code) for code in range(1 << bits))
    return max(value for value in values if isinstance(value, Fraction))
