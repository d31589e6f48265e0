"""Decodes and encodes minifloats."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.number import Magnitude
from tilewright.hw.arith.shifter import shift_right_sticky
from tilewright.sim.formats import Minifloat


@dataclass(frozen=True)
class Fields:
    """Parts of a minifloat: ``value = (-1) ** sign * significand * 2 ** (exponent + emin - 1 - mantissa_bits)``."""

    sign: Value
    exponent: Value
    """Exponent code, except that it is 1 for subnormals, whose weight is that of the smallest normal numbers."""
    significand: Value
    """Hidden bit and mantissa; subnormals are not normalised. The field has no meaning for NaN and infinity."""
    zero: Value
    nan: Value
    inf: Value


def codes_of(format: Minifloat) -> tuple[int, int, int]:
    """Return the codes, without sign, of the largest finite number, of a number that is too large, and of NaN.

    What is too large becomes the largest number if the format saturates, else infinity or, where there is none, NaN.
    """
    m = format.mantissa_bits
    ones = (1 << (format.exponent_bits + m)) - 1
    infinity = ones >> m << m
    largest = {"ieee": infinity - 1, "fn": ones - 1, "none": ones}[format.specials]
    nan = largest if format.nan_code is None else format.nan_code & ones
    if format.saturate or format.specials == "none":
        return largest, largest, nan
    return largest, infinity if format.has_inf else nan, nan


def decode_minifloat(m: Module, format: Minifloat, code: Value, name: str) -> Fields:
    """Return the parts of a minifloat."""
    mantissa = code[: format.mantissa_bits]
    exponent = code[format.mantissa_bits : -1]
    hidden, highest = Signal(name=f"{name}_hidden"), Signal(name=f"{name}_highest")
    nan, inf, zero = (Signal(name=f"{name}_{flag}") for flag in ("nan", "inf", "zero"))
    m.d.comb += [hidden.eq(exponent.any()), highest.eq(exponent.all()), zero.eq(~code[:-1].any())]
    if format.specials == "ieee":
        m.d.comb += [nan.eq(highest & mantissa.any()), inf.eq(highest & ~mantissa.any())]
    elif format.specials == "fn":
        m.d.comb += nan.eq(highest & mantissa.all())
    exponent = Cat(exponent[0] | ~hidden, exponent[1:])
    return Fields(code[-1], exponent, Cat(mantissa, hidden), zero, nan, inf)


def encode_minifloat(m: Module, format: Minifloat, number: Magnitude, name: str) -> Value:
    """Return the code of a minifloat, rounded to nearest, ties to even; the format decides about numbers that are too
    large.

    NaN becomes the format's ``nan_code`` or, where there is none, the largest number; a zero keeps its sign.
    """
    bits, places = format.mantissa_bits, format.exponent_bits + format.mantissa_bits
    biased = Signal(Value.cast(number.scale + format.bias).shape(), name=f"{name}_biased")
    m.d.comb += biased.eq(number.scale + format.bias)
    # Below the smallest exponent the significand moves right, for at most all of its bits.
    below, far = Signal(name=f"{name}_below"), Signal(name=f"{name}_far")
    distance = Signal(range(bits + 3), name=f"{name}_distance")
    m.d.comb += [
        below.eq(biased < 1),
        far.eq(biased < -bits),
        distance.eq(Mux(far, bits + 2, Mux(below, 1 - biased, 0))),
    ]
    string = Cat(number.fraction, Const(1, 1))
    lost = max(len(string) - (bits + 2), 0)
    kept = Cat(Const(0, bits + 2 - len(string) + lost), string[lost:])
    shifted, sticky = shift_right_sticky(
        m, kept, distance, f"{name}_shifted", sticky=number.sticky | string[:lost].any()
    )
    largest, too_large, nan = codes_of(format)
    field_max = largest >> bits
    rounded = Signal(places + 1, name=f"{name}_rounded")
    over = Signal(name=f"{name}_over")
    field = Mux(below, 0, biased[: format.exponent_bits])
    m.d.comb += [
        rounded.eq(Cat(shifted[1:-1], field) + (shifted[0] & (sticky | shifted[1]))),
        over.eq((biased > field_max) | (rounded > largest) | number.inf),
    ]
    code = Signal(places + 1, name=f"{name}_code")
    with m.If(number.nan):
        m.d.comb += code.eq(nan)
    with m.Elif(number.zero):
        m.d.comb += code.eq(Cat(Const(0, places), number.sign))
    with m.Elif(over):
        m.d.comb += code.eq(Cat(Const(too_large, places), number.sign))
    with m.Else():
        m.d.comb += code.eq(Cat(rounded[:places], number.sign))
    return code
