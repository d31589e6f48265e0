"""Encodes numbers as integers and as fixed-point numbers."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.number import Number
from tilewright.hw.arith.shifter import shift_right_sticky
from tilewright.sim.formats import Int


def encode_integer(m: Module, format: Int, number: Number, name: str) -> Value:
    """Return the nearest integer, ties to even; numbers out of range saturate, and NaN becomes 0."""
    bits = format.bits
    sign = number.sign
    over, far = Signal(name=f"{name}_over"), Signal(name=f"{name}_far")
    distance = Signal(range(bits + 2), name=f"{name}_distance")
    scale = number.scale + format.fraction_bits
    m.d.comb += [
        # -2 at the scale bits - 2 is the most negative integer.
        over.eq((scale > bits - 2) | number.inf),
        far.eq(scale < -2),
        distance.eq(Mux(far, bits, bits - 2 - scale)),
    ]
    string = Cat(number.fraction, ~sign, sign)
    lost = max(len(string) - (bits + 1), 0)
    kept = Cat(Const(0, bits + 1 - len(string) + lost), string[lost:])
    shifted, sticky = shift_right_sticky(
        m, kept, distance, f"{name}_shifted", fill=sign, sticky=number.sticky | string[:lost].any()
    )
    rounded = Signal(bits, name=f"{name}_rounded")
    code = Signal(bits, name=f"{name}_code")
    largest = (1 << (bits - 1)) - 1
    m.d.comb += rounded.eq(shifted[1:] + (shifted[0] & (sticky | shifted[1])))
    with m.If(number.nan | number.zero):
        m.d.comb += code.eq(0)
    with m.Elif(over | (~sign & rounded[-1])):
        m.d.comb += code.eq(largest ^ sign.replicate(bits))
    with m.Else():
        m.d.comb += code.eq(rounded)
    return code
