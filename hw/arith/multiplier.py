"""Multiplication of two numbers of one format."""

from dataclasses import replace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.booth import Style, multiply
from tilewright.hw.arith.codec import encode
from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.normalise import normalise_magnitude
from tilewright.hw.arith.number import Number
from tilewright.hw.arith.posit_codec import decode_posit, encode_posit
from tilewright.hw.arith.unit import Pipeline, Unit
from tilewright.sim.formats import Minifloat, Posit

SHORT_BITS = 8
"""Width up to which posits are smallest in sign and magnitude; two's complement has the shorter path."""


class Multiplier(Unit):
    """``o = a * b``, the exact product rounded once, NaR and NaN, infinities and signs of zeros included.

    Parameters
    ----------
    format : Posit or Minifloat
        Format of operands and result.
    stages : int
        Pipeline registers, 0 to 3; see :class:`Unit`.
    style : "tree" or "rows"
        Way to add partial products, see :mod:`.booth`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``.
    o : Out(stream)
        The product of ``a`` and ``b``.
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
        match self.format:
            case Posit(n=n) as format:
                small = n <= SHORT_BITS and self._style == "rows"
                code = (self._short_posit if small else self._posit)(m, pipe, format)
            case Minifloat() as format:
                code = self._minifloat(m, pipe, format)
        pipe.end(code)
        return m

    def _posit(self, m: Module, pipe: Pipeline, format: Posit) -> Value:
        a, b = (decode_posit(m, format, code, name) for name, code in (("a", self.i.p.a), ("b", self.i.p.b)))
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
        # The sums are there before the product is.
        scale = Mux(far_above, scale + 2, Mux(above, scale + 1, scale))
        number = pipe.cut("normal", Number(sign, scale, fraction, Const(0), zero, nan, Const(0)))
        return encode_posit(m, format, number, "o")

    def _short_posit(self, m: Module, pipe: Pipeline, format: Posit) -> Value:
        """Return what :meth:`_posit` returns, in sign and magnitude: for short posits negations cost less than the
        wider product."""
        signs, numbers = [], []
        for name, code in (("a", self.i.p.a), ("b", self.i.p.b)):
            sign, body = code[-1], code[:-1]
            magnitude = Signal(len(body), name=f"{name}_magnitude")
            m.d.comb += magnitude.eq((body ^ sign.replicate(len(body))) + sign)
            number = decode_posit(m, format, Cat(magnitude, Const(0, 1)), name)
            signs.append(sign)
            # Zero and NaR have no magnitude.
            numbers.append(replace(number, zero=number.zero & ~sign, nan=number.zero & sign))
        (a, b), signs = pipe.cut("operands", numbers, signs)
        one, two = (Cat(part.fraction, Const(1, 2)) for part in (a, b))
        product, scale, zero, nan, sign = pipe.cut(
            "product",
            multiply(m, one, two, "multiply", style=self._style),
            a.scale + b.scale,
            a.zero | b.zero,
            a.nan | b.nan,
            signs[0] ^ signs[1],
        )
        # The product lies in [1, 4): its leading bit is in its place or one above it.
        point = len(a.fraction) + len(b.fraction)
        above = product[point + 1]
        finite = ~(zero | nan)
        fraction = Signal(point + 1)
        m.d.comb += fraction.eq(
            Mux(above, product[: point + 1], Cat(Const(0, 1), product[:point])) & finite.replicate(point + 1)
        )
        number = Number(Const(0, 1), (scale + above)[: len(scale)].as_signed(), fraction, Const(0), zero, nan, Const(0))
        number, sign = pipe.cut("normal", number, sign)
        return encode_posit(m, format, number, "o", negate=sign)

    def _minifloat(self, m: Module, pipe: Pipeline, format: Minifloat) -> Value:
        a, b = (decode_minifloat(m, format, code, name) for name, code in (("a", self.i.p.a), ("b", self.i.p.b)))
        a, b = pipe.cut("operands", a, b)
        one, two = (Cat(part.significand, Const(0, 1)) for part in (a, b))
        product, exponent, sign, zero, nan, inf = pipe.cut(
            "product",
            multiply(m, one, two, "multiply", style=self._style),
            a.exponent + b.exponent,
            a.sign ^ b.sign,
            a.zero | b.zero,
            a.nan | b.nan | (a.inf & b.zero) | (a.zero & b.inf),
            a.inf | b.inf,
        )
        lsb = 2 * (format.emin - 1 - format.mantissa_bits)
        number, _ = normalise_magnitude(m, product[:-2], exponent + lsb, sign, "normal")
        number = pipe.cut("normal", replace(number, zero=zero, nan=nan, inf=inf))
        return encode(m, format, number, "o")
