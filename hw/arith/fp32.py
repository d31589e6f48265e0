"""FP32 sums and products with a register after their rounding."""

from amaranth.hdl import EnableInserter, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.pipeline import delay
from tilewright.sim.config.fp32 import ADD, MULTIPLY
from tilewright.sim.formats import FP32


class Fp32(wiring.Component):
    """``y = a + b`` or ``y = a * b``, rounded to nearest even, subnormals kept; a NaN is 0x7FC00000.

    Latency: ``LATENCY`` cycles. Throughput: one a cycle, no back-pressure.

    Members
    -------
    a, b : In(32)
    y : Out(32)
    enable : In(1)
        The unit moves on; without it all registers keep what they hold. 1 if it is not driven.
    """

    UNIT: type[Adder] | type[Multiplier]
    LATENCY: int

    def __init__(self):
        super().__init__({"a": In(32), "b": In(32), "y": Out(32), "enable": In(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.UNIT(FP32, stages=self.LATENCY - 1, back_pressure=False)
        m.d.comb += [unit.i.valid.eq(1), unit.i.p.a.eq(self.a), unit.i.p.b.eq(self.b)]
        m.d.comb += self.y.eq(delay(m, unit.o.p, "rounded", reset_less=True))
        return EnableInserter(self.enable)(m)


class Fp32Adder(Fp32):
    """FP32 adder; see :class:`Fp32` for its contract."""

    UNIT, LATENCY = Adder, ADD


class Fp32Multiplier(Fp32):
    """FP32 multiplier; see :class:`Fp32` for its contract."""

    UNIT, LATENCY = Multiplier, MULTIPLY


def unless_off(m: Module, name: str, on: Value, unit: Fp32Adder | Fp32Multiplier, a: Value, b: Value) -> Value:
    """Return the result of ``unit`` for a and b after ``unit.LATENCY`` cycles, or a delayed as much while the unit is
    off; ``on`` is constant while numbers are under way. What is not used keeps what it holds."""
    m.submodules[name] = unit
    m.d.comb += [unit.enable.eq(on), unit.a.eq(a & on.replicate(32)), unit.b.eq(b & on.replicate(32))]
    with m.If(~on):
        passed = delay(m, a, f"un{name}", cycles=unit.LATENCY, reset_less=True)
    return Mux(on, unit.y, passed)


def is_nan(code: Value) -> Value:
    """Return whether an FP32 code is a NaN."""
    return code[23:31].all() & code[:23].any()
