"""Decoders and encoders for codes of any scalar format."""

from dataclasses import replace

from amaranth.hdl import Module, Value

from tilewright.hw.arith.integer_codec import encode_integer
from tilewright.hw.arith.minifloat_codec import Fields, decode_minifloat, encode_minifloat
from tilewright.hw.arith.normalise import normalise_magnitude, normalise_signed
from tilewright.hw.arith.number import Magnitude, Number, from_magnitude, to_magnitude
from tilewright.hw.arith.posit_codec import decode_posit, encode_posit
from tilewright.sim.formats import Int, Minifloat, Posit, ScalarFormat


def decode(m: Module, format: ScalarFormat, code: Value, name: str) -> Number:
    """Return a code as a normalised number.

    Raises
    ------
    TypeError
        If the format is not a posit, a minifloat or an integer.
    """
    match format:
        case Posit():
            return decode_posit(m, format, code, name)
        case Minifloat():
            return from_magnitude(m, normalised(m, format, decode_minifloat(m, format, code, name), name), name)
        case Int():
            number, zero = normalise_signed(m, code, -format.fraction_bits, name)
            return replace(number, zero=zero)
    raise TypeError(f"no decoder for {format}")


def normalised(m: Module, format: Minifloat, fields: Fields, name: str) -> Magnitude:
    """Return a minifloat with its leading bit in its place, also if the number is subnormal."""
    scale = fields.exponent + (format.emin - 1 - format.mantissa_bits)
    # Neither NaN nor infinity has a fraction.
    significand = fields.significand & (~(fields.nan | fields.inf)).replicate(len(fields.significand))
    magnitude, _ = normalise_magnitude(m, significand, scale, fields.sign, f"{name}_normal")
    return replace(magnitude, zero=fields.zero, nan=fields.nan, inf=fields.inf)


def encode(m: Module, format: ScalarFormat, number: Number | Magnitude, name: str) -> Value:
    """Return the code of a normalised number, rounded to nearest, ties to even.

    Raises
    ------
    TypeError
        If the format is not a posit, a minifloat or an integer.
    """
    if isinstance(format, Minifloat):
        magnitude = to_magnitude(m, number, name) if isinstance(number, Number) else number
        return encode_minifloat(m, format, magnitude, name)
    if isinstance(number, Magnitude):
        number = from_magnitude(m, number, name)
    match format:
        case Posit():
            return encode_posit(m, format, number, name)
        case Int():
            return encode_integer(m, format, number, name)
    raise TypeError(f"no encoder for {format}")
