"""Multiplication of two numbers of one format."""

from dataclasses import replace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.booth import Style, multiply
from tilewright.hw.arith.codec import encode
from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.normalise import normalise_magnitude
from tilewright.hw.arith.number import Number
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.arith.unit import Pipeline, Unit
from tilewright.sim.formats import Minifloat, Posit


class Multiplier(Unit):
    """``o = a * b``, the exact product rounded once, NaR and NaN, infinities and signs of zeros included.

    Parameters
    ----------
    format : Posit or Minifloat
        Format of operands and result.
    stages : int
        Pipeline registers, 0 to 3; see :class:`Unit`.
    style : "tree" or "rows"
        How partial products are added, see :mod:`.booth`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``.
    o : Out(stream)
        Their product.
    """

    CUTS = ("product", "operands", "normal")

    def __init__(
        self, format: Posit | Minifloat, *, stages: int = 0, style: Style = "tree", back_pressure: bool = True
    ):
        self.format = format
        self._style: Style = style
        shape = data.StructLayout({"a": format.bits, "b": format.bits})
        super().__init__(shape, format.bits, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        code = self._posit(m, pipe) if isinstance(self.format, Posit) else self._minifloat(m, pipe)
        pipe.end(code)
        return m

    def _posit(self, m: Module, pipe: Pipeline) -> Value:
        a, b = (decode_posit(m, self.format, code, name) for name, code in (("a", self.i.p.a), ("b", self.i.p.b)))
        a, b = pipe.cut("operands", a, b)
        product, scale, zero, nan = pipe.cut(
            "product",
            multiply(m, a.significand, b.significand, "multiply", style=self._style),
            a.scale + b.scale,
            a.zero | b.zero,
            a.nan | b.nan,
        )
        # The product lies in [1, 4] or (-4, -1): its leading bit is in its place, or one or two above it.
        sign, point = product[-1], len(a.fraction) + len(b.fraction)
        above, far_above = Signal(), Signal()
        fraction = Signal(point + 1)
        m.d.comb += [
            above.eq(product[point + 1] ^ sign),
            far_above.eq(product[point + 2] ^ sign),
            fraction.eq(Mux(above, product[: point + 1], Cat(Const(0, 1), product[:point]))),
        ]
        scale = scale + Cat(above, far_above)
        number = pipe.cut("normal", Number(sign, scale, fraction, Const(0), zero, nan, Const(0)))
        return encode(m, self.format, number, "o")

    def _minifloat(self, m: Module, pipe: Pipeline) -> Value:
        a, b = (decode_minifloat(m, self.format, code, name) for name, code in (("a", self.i.p.a), ("b", self.i.p.b)))
        a, b = pipe.cut("operands", a, b)
        unsigned = (Cat(part.significand, Const(0, 1)) for part in (a, b))
        product, exponent, sign, zero, nan, inf = pipe.cut(
            "product",
            multiply(m, *unsigned, "multiply", style=self._style),
            a.exponent + b.exponent,
            a.sign ^ b.sign,
            a.zero | b.zero,
            a.nan | b.nan | (a.inf & b.zero) | (a.zero & b.inf),
            a.inf | b.inf,
        )
        lsb = 2 * (self.format.emin - 1 - self.format.mantissa_bits)
        number, _ = normalise_magnitude(m, product[:-2], exponent + lsb, sign, "normal")
        number = pipe.cut("normal", replace(number, zero=zero, nan=nan, inf=inf))
        return encode(m, self.format, number, "o")
