"""The exponential, from a table."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.pipeline import delay
from tilewright.hw.vector import interpolation
from tilewright.hw.vector.interpolation import interpolate
from tilewright.sim.formats.fp32 import NAN_CODE
from tilewright.sim.formats.functions import (
    BIAS,
    EXP2,
    INFINITY_CODE,
    LOG2_E,
    LOG2_E_BITS,
    MANTISSA_BITS,
    RANGE_BITS,
    STEP_BITS,
)

TWICE_BITS = RANGE_BITS + 1 + MANTISSA_BITS + 1
"""Width of the magnitude of ``x * log2(e)`` in units of half a position."""
DROPPED = LOG2_E_BITS - RANGE_BITS
"""Number of bits of the product below those units, for the largest x that is allowed."""


class Exponential(wiring.Component):
    """``exp(x)`` in FP32, bit for bit :func:`~.sim.formats.functions.exp`.

    ``x * log2(e)`` in fixed point has the exponent and the position in a table of 512 entries.

    Latency: ``LATENCY`` cycles. Throughput: one a cycle, no back-pressure.

    Members
    -------
    x : In(32)
    y : Out(32)
        +0 below FP32's smallest normal number, infinity above its largest, 0x7FC00000 of NaN.
    """

    LATENCY = 3 + interpolation.LATENCY

    def __init__(self):
        super().__init__({"x": In(32), "y": Out(32)})

    def elaborate(self, platform):
        m = Module()
        exponent, mantissa = self.x[MANTISSA_BITS:-1], self.x[:MANTISSA_BITS]
        product = Signal(TWICE_BITS + DROPPED)
        m.d.comb += product.eq(Cat(mantissa, Const(1, 1)) * LOG2_E)
        largest = delay(m, product[DROPPED:], "product", reset_less=True)
        end = BIAS + RANGE_BITS
        distance = Signal(8)
        m.d.comb += distance.eq(end - 1 - exponent)
        distance = delay(m, distance, "distance", reset_less=True)
        nan = delay(m, exponent.all() & mantissa.any(), "nan", cycles=5, reset_less=True)
        large = delay(m, exponent >= end, "large", cycles=2, reset_less=True)
        negative = delay(m, self.x[-1], "negative", reset_less=True)

        # To the nearest position, and of two as near ones to the higher.
        twice, position = Signal(TWICE_BITS), Signal(TWICE_BITS)
        steps = (TWICE_BITS - 1).bit_length()
        magnitude = Signal(TWICE_BITS - 1)
        m.d.comb += [
            twice.eq(Mux(distance[steps:].any(), 0, largest >> distance[:steps])),
            magnitude.eq(twice[1:]),
            position.eq((magnitude ^ negative.replicate(TWICE_BITS)) + (negative | twice[0])),
        ]
        position = delay(m, position, "position", reset_less=True)
        negative = delay(m, negative, "below", reset_less=True)
        fraction = interpolate(m, [EXP2], position[STEP_BITS:MANTISSA_BITS], position[:STEP_BITS])

        scale = Signal(10)
        m.d.comb += scale.eq(position[MANTISSA_BITS:].as_signed() + BIAS)
        below = scale[-1] | (scale == 0)
        zero = delay(m, Mux(large, negative, below), "zero", cycles=3, reset_less=True)
        above = ~scale[-1] & (scale >= 2 * BIAS + 1)
        infinite = delay(m, Mux(large, ~negative, above), "infinite", cycles=3, reset_less=True)
        scale = delay(m, scale[:8], "scale", cycles=3, reset_less=True)
        y = Mux(nan, NAN_CODE, Mux(infinite, INFINITY_CODE, Mux(zero, 0, Cat(fraction[:-1], scale))))
        m.d.comb += self.y.eq(delay(m, y, "y_0", reset_less=True))
        return m
