"""Dot products that are exact until they are read out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.booth import Style, multiply
from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.arith.quire import Product, add_product, posit_product
from tilewright.hw.arith.read_out import read_out
from tilewright.hw.arith.segments import add_carries, check_segment_bits, look_ahead
from tilewright.hw.arith.unit import Pipeline, Unit
from tilewright.sim.formats import Minifloat, Posit


class Mac(Unit):
    """``o = sum(a[k] * b[k])`` over a dot product, exact in a quire and rounded once, when it is read out.

    The quire is ``quire_bits`` wide and wraps: it holds any sum of up to 64 products, and any sum whose value stays
    below ``2 ** (quire_bits - 1 + quire_lsb)``. NaR and NaN in an operand, and what IEEE 754 has for infinities,
    stay with the dot product until the next one begins.

    Throughput: one product a cycle, dot products back to back. Latency: ``LATENCY`` cycles from the last product to
    the result, ``stages + 1``: the quire is a register too.

    Parameters
    ----------
    format : Posit or Minifloat
        Format of operands and result.
    stages : int
        Pipeline registers beside the quire, 0 to 6; see :class:`Unit`.
    style : "tree" or "rows"
        Way to add partial products, see :mod:`.booth`.
    segment_bits : int
        Longest carry chain of the quire, see :mod:`.segments`: at least 2, a divisor of ``quire_bits``.
    back_pressure : bool
        See :class:`Unit`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``; ``first`` begins a dot product, ``last`` ends it and reads it out.
    o : Out(stream)
        One result for each ``last``.
    """

    CUTS = ("product", "window", "operands", "placed", "resolved", "normal")
    ALWAYS = ("quire",)

    def __init__(
        self,
        format: Posit | Minifloat,
        *,
        stages: int = 0,
        style: Style = "tree",
        segment_bits: int = 16,
        back_pressure: bool = True,
    ):
        check_segment_bits(segment_bits, format.quire_bits)
        self.format = format
        self._style: Style = style
        self._segment_bits = segment_bits
        shape = data.StructLayout({"a": format.bits, "b": format.bits, "first": 1, "last": 1})
        super().__init__(shape, format.bits, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        products = self._posit if isinstance(self.format, Posit) else self._minifloat
        product, flags, special = products(m, pipe)
        segments, special, last = add_product(
            m, pipe, product, flags, special, width=self.format.quire_bits, segment_bits=self._segment_bits
        )
        resolved, special, last = pipe.cut("resolved", look_ahead(m, segments, "total"), special, last)
        total = add_carries(m, resolved, "total")
        code, [last] = read_out(m, pipe, self.format, total, self.format.quire_lsb, special, last)
        pipe.end(code, when=last)
        return m

    def _posit(self, m: Module, pipe: Pipeline) -> tuple[Product, list[Value], list[Value]]:
        """Return the product, ``[first, last]``, and whether it is NaN, plus infinity and minus infinity."""
        format = self.format
        assert isinstance(format, Posit)
        p = self.i.p
        a, b = (decode_posit(m, format, code, name) for name, code in (("a", p.a), ("b", p.b)))
        a, b, flags = pipe.cut("operands", a, b, [p.first, p.last])
        product = posit_product(m, format, (a.significand, b.significand), (a.scale, b.scale), style=self._style)
        product, flags, nan = pipe.cut("product", product, flags, a.nan | b.nan)
        return product, flags, [nan, Const(0, 1), Const(0, 1)]

    def _minifloat(self, m: Module, pipe: Pipeline) -> tuple[Product, list[Value], list[Value]]:
        """Return what :meth:`_posit` returns, for minifloats."""
        format = self.format
        assert isinstance(format, Minifloat)
        p = self.i.p
        a, b = (decode_minifloat(m, format, code, name) for name, code in (("a", p.a), ("b", p.b)))
        a, b, flags = pipe.cut("operands", a, b, [p.first, p.last])
        sign = a.sign ^ b.sign
        signed = Signal(len(a.significand) + 1)
        finite = ~(a.nan | a.inf | b.nan | b.inf)
        m.d.comb += signed.eq(Mux(finite, Mux(sign, -a.significand, a.significand), 0))
        product = multiply(m, signed.as_signed(), Cat(b.significand, Const(0, 1)), "multiply", style=self._style)
        nan = a.nan | b.nan | (a.inf & b.zero) | (a.zero & b.inf)
        inf = (a.inf | b.inf) & ~nan
        # The exponents of the smallest products add up to 2.
        return pipe.cut(
            "product",
            Product(product, a.exponent + b.exponent, 2),
            flags,
            [nan, inf & ~sign, inf & sign],
        )
