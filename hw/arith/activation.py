"""Activation functions in FP32."""

from amaranth.hdl import EnableInserter, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.fp32 import Fp32Multiplier, is_nan
from tilewright.hw.arith.gate import Gate
from tilewright.hw.pipeline import delay
from tilewright.sim.formats.activation import NAMES
from tilewright.sim.formats.fp32 import NAN_CODE

RELU, SILU, GELU = (NAMES.index(name) for name in ("relu", "silu", "gelu"))


class Activation(wiring.Component):
    """``y = f(x)``, bit for bit :func:`~.sim.formats.activation.activate`.

    Latency: ``LATENCY`` cycles. Throughput: one a cycle, no back-pressure.

    Members
    -------
    function : In(2)
        Number of f in ``activation.NAMES``; constant while numbers are under way.
    x : In(32)
    y : Out(32)
        A NaN is 0x7FC00000, without a function too.
    """

    LATENCY = Gate.LATENCY + Fp32Multiplier.LATENCY

    def __init__(self):
        super().__init__({"function": In(2), "x": In(32), "y": Out(32)})

    def elaborate(self, platform):
        m = Module()
        gate, gated = Gate(), self.function[1]
        m.submodules.gate = EnableInserter(gated)(gate)
        m.submodules.product = product = Fp32Multiplier()
        m.d.comb += [
            product.enable.eq(gated),
            gate.x.eq(self.x & gated.replicate(32)),
            gate.gelu.eq(self.function == GELU),
        ]
        late = delay(m, self.x, "ungated", cycles=Gate.LATENCY, reset_less=True)
        m.d.comb += [product.a.eq(late & gated.replicate(32)), product.b.eq(gate.g)]
        x = delay(m, late, "inactive", cycles=product.LATENCY, reset_less=True)
        closed = delay(m, gate.g == 0, "closed", cycles=product.LATENCY)
        y = Signal(32, name="activated")
        m.d.comb += y.eq(x)
        with m.If(is_nan(x)):
            m.d.comb += y.eq(NAN_CODE)
        with m.Elif(gated):
            m.d.comb += y.eq(Mux(closed, 0, product.y))
        with m.Elif((self.function == RELU) & x[31]):
            m.d.comb += y.eq(0)
        m.d.comb += self.y.eq(y)
        return m
