"""The vector unit's functions as units for the arithmetic bench."""

from amaranth.hdl import Module
from amaranth.lib import data

from tilewright.hw.arith.unit import Unit
from tilewright.hw.pipeline import delay
from tilewright.hw.vector.exponential import Exponential
from tilewright.hw.vector.inverse import Inverse

LATENCY = {"exponential": 6, "inverse": 6}
"""Latencies of the functions in cycles, as the benches expect them."""
COMPONENTS: dict[str, type[Exponential] | type[Inverse]] = {"exponential": Exponential, "inverse": Inverse}
OPERANDS = data.StructLayout({"x": 32, "rsqrt": 1})
"""Layout of the operands: a number, and the inverse that is wanted, which the exponential ignores."""


class FunctionUnit(Unit):
    """A component whose numbers come and go as streams."""

    def __init__(self, name: str):
        self.component = COMPONENTS[name]()
        super().__init__(OPERANDS, 32, back_pressure=False)

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        return self.component.LATENCY

    def elaborate(self, platform):
        m = Module()
        m.submodules.component = component = self.component
        m.d.comb += [component.x.eq(self.i.p.x), self.o.p.eq(component.y)]
        if isinstance(component, Inverse):
            m.d.comb += component.rsqrt.eq(self.i.p.rsqrt)
        m.d.comb += self.o.valid.eq(delay(m, self.i.valid, "valid", cycles=component.LATENCY))
        return m
