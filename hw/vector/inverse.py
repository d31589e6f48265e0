"""Reciprocal and reciprocal square root, from tables."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.pipeline import delay
from tilewright.hw.vector import interpolation
from tilewright.hw.vector.interpolation import interpolate
from tilewright.sim.formats.fp32 import NAN_CODE
from tilewright.sim.formats.functions import BIAS, INFINITY_CODE, MANTISSA_BITS, RECIPROCAL, RSQRT, STEP_BITS


class Inverse(wiring.Component):
    """``1 / x`` or ``1 / sqrt(x)`` in FP32, bit for bit :func:`~.sim.formats.functions.reciprocal` and ``rsqrt``.

    The mantissa is the position in one of three tables of 512 entries.

    Latency: ``LATENCY`` cycles. Throughput: one a cycle, no back-pressure.

    Members
    -------
    x : In(32)
        Subnormal numbers count as zeros.
    rsqrt : In(1)
        Comes with x. Else the reciprocal.
    y : Out(32)
        Subnormal results are zeros; 0x7FC00000 of NaN, and with ``rsqrt`` of what is below zero.
    """

    LATENCY = 3 + interpolation.LATENCY

    def __init__(self):
        super().__init__({"x": In(32), "rsqrt": In(1), "y": Out(32)})

    def elaborate(self, platform):
        m = Module()
        exponent, mantissa, sign = self.x[MANTISSA_BITS:-1], self.x[:MANTISSA_BITS], self.x[-1]
        # The lowest bit of a biased exponent is set for an even power.
        table = Cat(self.rsqrt & exponent[0], self.rsqrt & ~exponent[0])
        address = delay(m, Cat(mantissa[STEP_BITS:], table), "address", reset_less=True)
        t = delay(m, mantissa[:STEP_BITS], "place", reset_less=True)
        fraction = interpolate(m, [RECIPROCAL, *RSQRT], address, t)

        zero, top = exponent == 0, exponent.all()
        nan = top & mantissa.any() | self.rsqrt & sign & ~zero
        scale = Signal(9)
        root = BIAS - 1 + (BIAS + 1) // 2 - (exponent >> 1) - exponent[0]
        m.d.comb += scale.eq(Mux(self.rsqrt, root, 2 * BIAS - 1 - exponent))
        cycles = 1 + interpolation.LATENCY
        scale = delay(m, scale, "scale", cycles=cycles, reset_less=True)
        nan = delay(m, nan, "nan", cycles=cycles + 1, reset_less=True)
        infinite = delay(m, zero, "infinite", cycles=cycles + 1, reset_less=True)
        sign = delay(m, sign & ~self.rsqrt, "sign", cycles=cycles + 1, reset_less=True)
        top = delay(m, top, "top", cycles=cycles, reset_less=True)

        code = Signal(9 + MANTISSA_BITS)
        # A significand of 2 carries into the exponent.
        m.d.comb += code.eq(Cat(fraction[:-1], (scale + fraction[-1])[:9]))
        flushed = delay(m, top | code[MANTISSA_BITS + 8] | (code[MANTISSA_BITS:] == 0), "flushed", reset_less=True)
        code = delay(m, code[:-1], "code", reset_less=True)
        magnitude = Mux(infinite, INFINITY_CODE, Mux(flushed, 0, code))
        y = Mux(nan, NAN_CODE, Cat(magnitude[:31], sign))
        m.d.comb += self.y.eq(delay(m, y, "y_0", reset_less=True))
        return m
