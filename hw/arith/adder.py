"""Addition of two numbers of one format."""

from dataclasses import replace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.codec import encode
from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.normalise import normalise_signed
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.arith.shifter import shift_right_sticky
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import Minifloat, Posit

GUARD_BITS = 3
"""Number of bits kept below an operand that is moved right, beside a sticky bit. If the operand moves by two or more,
the leading bit of the sum moves left by at most two places, so the bits that rounding needs are still among them."""


class Adder(Unit):
    """``o = a + b``, the exact sum rounded once; NaR, NaN, infinities and signs of zeros as in IEEE 754.

    Parameters
    ----------
    format : Posit or Minifloat
        Format of operands and result.
    stages : int
        Pipeline registers, 0 to 4; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``.
    o : Out(stream)
        The sum of ``a`` and ``b``.
    """

    CUTS = ("sum", "operands", "normal", "aligned")

    def __init__(self, format: Posit | Minifloat, *, stages: int = 0, back_pressure: bool = True):
        self.format = format
        shape = data.StructLayout({"a": format.bits, "b": format.bits})
        super().__init__(shape, format.bits, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        operands = [_operand(m, self.format, code, name) for name, code in (("a", self.i.p.a), ("b", self.i.p.b))]
        (a, a_scale, a_special), (b, b_scale, b_special) = pipe.cut("operands", operands)

        # The operand with the larger scale stays in its place. A zero has no scale: it gives way.
        a_is_larger = Signal()
        large, small = Signal(a.shape()), Signal(a.shape())
        scale, distance = Signal(a_scale.shape()), Signal(len(a_scale))
        m.d.comb += [
            a_is_larger.eq(((a_scale >= b_scale) & a.any()) | ~b.any()),
            large.eq(Mux(a_is_larger, a, b)),
            small.eq(Mux(a_is_larger, b, a)),
            scale.eq(Mux(a_is_larger, a_scale, b_scale)),
            distance.eq(Mux(a_is_larger, a_scale - b_scale, b_scale - a_scale)),
        ]
        large, small, scale, distance, special = pipe.cut(
            "aligned", large, small, scale, distance, _combined(a_special, b_special)
        )
        width = len(large) + GUARD_BITS
        steps = min(len(distance), width.bit_length())
        far = distance[steps:].any()
        moved, sticky = shift_right_sticky(
            m,
            Cat(Const(0, GUARD_BITS), small),
            distance[:steps] | far.replicate(steps),
            "moved",
            fill=small[-1],
        )
        total = Signal(width + 1)
        m.d.comb += total.eq(Cat(Const(0, GUARD_BITS), large).as_signed() + moved.as_signed())
        total, scale, sticky, special = pipe.cut("sum", total, scale, sticky, special)

        lsb = scale - (width - 2)
        number, is_zero = normalise_signed(m, total, lsb, "normal", sticky=sticky)
        nan, inf, sign, zero_sign = special
        zero = is_zero & ~sticky
        finite = ~(nan | inf | zero)
        number = replace(
            number,
            sign=Mux(inf, sign, Mux(zero, zero_sign, number.sign)),
            fraction=number.fraction & finite.replicate(len(number.fraction)),
            sticky=number.sticky & finite,
            zero=zero & ~inf,
            nan=nan,
            inf=inf,
        )
        pipe.end(encode(m, self.format, pipe.cut("normal", number), "o"))
        return m


def _operand(m: Module, format: Posit | Minifloat, code: Value, name: str) -> list:
    """Return signed significand, scale of its first bit after the sign, and [nan, inf, sign]."""
    if isinstance(format, Posit):
        number = decode_posit(m, format, code, name)
        return [number.significand, number.scale, [number.nan, number.inf, number.sign]]
    fields = decode_minifloat(m, format, code, name)
    significand = Signal(len(fields.significand) + 1, name=f"{name}_significand")
    scale = Signal(Value.cast(fields.exponent + (format.emin - 1)).shape(), name=f"{name}_scale")
    special = fields.nan | fields.inf
    m.d.comb += [
        significand.eq(Mux(special, 0, Mux(fields.sign, -fields.significand, fields.significand))),
        scale.eq(fields.exponent + (format.emin - 1)),
    ]
    return [significand.as_signed(), scale, [fields.nan, fields.inf, fields.sign]]


def _combined(a: list[Value], b: list[Value]) -> list[Value]:
    """Return NaN, infinity, its sign, and the sign of a zero."""
    (a_nan, a_inf, a_sign), (b_nan, b_inf, b_sign) = a, b
    nan = a_nan | b_nan | (a_inf & b_inf & (a_sign ^ b_sign))
    return [nan, (a_inf | b_inf) & ~nan, Mux(a_inf, a_sign, b_sign), a_sign & b_sign]
