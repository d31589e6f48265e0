"""Models of the vector unit's functions with many faults, of which the numbers choose one or none."""

import dataclasses

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data

from tilewright.cocotb_tests.arith_vectors import Vectors
from tilewright.cocotb_tests.epilogue_faults import CHOSEN
from tilewright.cocotb_tests.vector_functions import OPERANDS, FunctionUnit
from tilewright.hw.arith.unit import Unit

FAULT_BITS = 7
"""Of the number of a fault: what is left of an operand's last byte."""


class FaultyUnit(Unit):
    """A :class:`FunctionUnit` for which the number of a fault comes with the numbers: in a run always the same."""

    def __init__(self, name: str):
        self._inner = FunctionUnit(name)
        layout = data.StructLayout(dict(OPERANDS.members) | {"fault": FAULT_BITS})
        super().__init__(layout, 32, back_pressure=False)

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        return self._inner.LATENCY

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        fault = Signal(FAULT_BITS, reset_less=True)
        with m.If(self.i.valid):
            m.d.sync += fault.eq(self.i.p.fault)
        m.d.comb += [
            CHOSEN.eq(Mux(self.i.valid, self.i.p.fault, fault)),
            inner.i.valid.eq(self.i.valid),
            inner.i.p.x.eq(self.i.p.x),
            inner.i.p.rsqrt.eq(self.i.p.rsqrt),
            self.o.valid.eq(inner.o.valid),
            self.o.p.eq(inner.o.p),
        ]
        return m


def with_fault(vectors: Vectors, number: int) -> Vectors:
    """Return the words of a :class:`FaultyUnit` with one of its faults."""
    words = vectors.stimuli.copy()
    words[:, OPERANDS.size // 8] |= number << OPERANDS.size % 8
    return dataclasses.replace(vectors, stimuli=words)
