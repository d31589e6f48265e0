"""Converts an exact sum to FP32."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data

from tilewright.hw.arith.number import to_magnitude
from tilewright.hw.arith.unit import Unit
from tilewright.hw.mac.core import raw_sum, sum_layout
from tilewright.hw.mac.read_out import CUTS, normalise_sum
from tilewright.hw.npe.drain import element_layout
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import FP32

FRACTION_BITS = FP32.mantissa_bits


class SumToFloat(Unit):
    """Converts an exact sum to FP32, rounded to odd: an inexact result has an odd last bit.

    Rounding the result again, to fewer bits, then gives what rounding the sum would (Boldo and Melquiond, see
    :mod:`tilewright.sim.formats.exact`). Sums are within FP32's normal range.

    Members
    -------
    i : In(stream)
        ``sum``, and a ``tag`` that stays with it.
    o : Out(stream)
        ``value`` and ``tag``.
    """

    CUTS = ("sum", *CUTS, "value")

    def __init__(self, config: NpeConfig):
        self.config = config
        tag = element_layout(config)
        i = data.StructLayout({"sum": sum_layout(config.modes), "tag": tag})
        o = data.StructLayout({"value": FP32.bits, "tag": tag})
        super().__init__(i, o, stages=len(self.CUTS), back_pressure=False)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        total, tag = pipe.cut("sum", self.i.p.sum.as_value(), self.i.p.tag.as_value())
        modes = self.config.modes
        number, [tag] = normalise_sum(m, pipe, modes, raw_sum(total, modes), tag, keep=FRACTION_BITS + 1)
        magnitude = to_magnitude(m, number, "magnitude")
        fraction, lost = magnitude.fraction[-FRACTION_BITS:], magnitude.fraction[:-FRACTION_BITS]
        value = Signal(FP32.bits)
        with m.If(magnitude.nan):
            m.d.comb += value.eq(FP32.nan_code)
        with m.Elif(magnitude.inf):
            m.d.comb += value.eq(Cat(Const(0xFF << FRACTION_BITS, FP32.bits - 1), magnitude.sign))
        with m.Elif(~magnitude.zero):
            exponent = (magnitude.scale + FP32.bias)[: FP32.exponent_bits]
            odd = magnitude.sticky | lost.any()
            m.d.comb += value.eq(Cat(fraction[0] | odd, fraction[1:], exponent, magnitude.sign))
        value, tag = pipe.cut("value", value, tag)
        pipe.end(Cat(value, tag))
        return m
