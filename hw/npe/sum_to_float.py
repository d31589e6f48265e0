"""Converts an exact sum to FP32, or to INT32."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.number import to_magnitude
from tilewright.hw.arith.segments import Segments, add_carries, look_ahead
from tilewright.hw.arith.unit import Unit
from tilewright.hw.mac.core import Sum, raw_sum, sum_layout
from tilewright.hw.mac.plan import SEGMENT_BITS, Plan
from tilewright.hw.mac.read_out import CUTS, normalise_sum
from tilewright.hw.npe.drain import element_layout
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import FP32
from tilewright.sim.formats.simd import INTEGER_MODES, SumFormat

INTEGER_BITS = SumFormat.INT32.bits
FRACTION_BITS = FP32.mantissa_bits


class SumToFloat(Unit):
    """Converts an exact sum to FP32, rounded to odd: an inexact result has an odd last bit.

    Rounding the result again, to fewer bits, then gives what rounding the sum would (Boldo and Melquiond, see
    :mod:`tilewright.sim.formats.exact`). Sums are within FP32's normal range. For results in FP32 the sum is cut off
    instead, and ``up`` says that the nearest number, ties to even, is the next code. For results in INT32 the value is
    the sum, whose bits 31 and 30 are equal (65,535 words of products up to 2 ** 14 are less than 2 ** 30); bit 30 is 0
    instead, so that no sum looks like a NaN on its way.

    Members
    -------
    i : In(stream)
        ``sum``, a ``tag`` that stays with it, and the format of results, constant while sums are under way.
    o : Out(stream)
        ``value``, ``up`` and ``tag``.
    """

    CUTS = ("sum", *CUTS, "value")

    def __init__(self, config: NpeConfig):
        self.config = config
        tag = element_layout(config)
        i = data.StructLayout({"sum": sum_layout(config.modes), "tag": tag, "out_format": 4})
        o = data.StructLayout({"value": FP32.bits, "up": 1, "tag": tag})
        super().__init__(i, o, stages=len(self.CUTS), back_pressure=False)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        total, tag = pipe.cut("sum", self.i.p.sum.as_value(), self.i.p.tag.as_value())
        modes, out_format = self.config.modes, self.i.p.out_format
        result = raw_sum(total, modes)
        integer, nearest = self._integer(m, result), out_format == SumFormat.FP32
        number, [integer, tag] = normalise_sum(m, pipe, modes, result, integer, tag, keep=FRACTION_BITS + 1)
        magnitude = to_magnitude(m, number, "magnitude")
        fraction, lost = magnitude.fraction[-FRACTION_BITS:], magnitude.fraction[:-FRACTION_BITS]
        value, up = Signal(FP32.bits), Signal()
        with m.If(out_format == SumFormat.INT32):
            m.d.comb += value.eq(integer)
        with m.Elif(magnitude.nan):
            m.d.comb += value.eq(FP32.nan_code)
        with m.Elif(magnitude.inf):
            m.d.comb += value.eq(Cat(Const(0xFF << FRACTION_BITS, FP32.bits - 1), magnitude.sign))
        with m.Elif(~magnitude.zero):
            exponent = (magnitude.scale + FP32.bias)[: FP32.exponent_bits]
            odd = magnitude.sticky | lost.any()
            below_half = magnitude.sticky | lost[:-1].any()
            m.d.comb += [
                value.eq(Cat(fraction[0] | (odd & ~nearest), fraction[1:], exponent, magnitude.sign)),
                up.eq(nearest & lost[-1] & (below_half | fraction[0])),
            ]
        value, up, tag = pipe.cut("value", value, up, tag)
        pipe.end(Cat(value, up, tag))
        return m

    def _integer(self, m: Module, total: Sum) -> Value:
        """Return an integer sum, its bit 30 as 0; 0 without modes of integers."""
        modes = self.config.modes
        if not set(INTEGER_MODES) & set(modes):
            return Const(0, INTEGER_BITS)
        # Bits below the binary point are 0, so that no carry comes from there.
        first, offset = divmod(-Plan(modes).lsb, SEGMENT_BITS)
        last = first - (-(offset + INTEGER_BITS) // SEGMENT_BITS)
        segments = total.segments
        own = Segments(segments.sums[first:last], segments.carries[first:last])
        word = add_carries(m, look_ahead(m, own, "integer"), "integer")[offset : offset + INTEGER_BITS]
        return Cat(word[:-2], Const(0, 1), word[-1])
