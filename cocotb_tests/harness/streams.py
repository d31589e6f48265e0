"""Gateware for benches: makes streams wait, and watches that they keep their contract."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class StreamGate(wiring.Component):
    """Passes a stream on, except in cycles with ``block``; what it has once offered it keeps offering."""

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "block": In(1)})

    def elaborate(self, platform):
        m = Module()
        offered = Signal()
        passing = offered | ~self.block
        m.d.sync += offered.eq(self.o.valid & ~self.o.ready)
        m.d.comb += [
            self.o.p.eq(self.i.p),
            self.o.valid.eq(self.i.valid & passing),
            self.i.ready.eq(self.o.ready & passing),
        ]
        return m


class StreamContract(wiring.Component):
    """Reports a stream whose offer is withdrawn or changed before it was taken."""

    def __init__(self, bits: int):
        super().__init__({"payload": In(bits), "valid": In(1), "ready": In(1), "broken": Out(1)})

    def elaborate(self, platform):
        m = Module()
        waiting, before = Signal(), Signal(len(self.payload))
        m.d.sync += [waiting.eq(self.valid & ~self.ready), before.eq(self.payload)]
        m.d.comb += self.broken.eq(waiting & (~self.valid | (self.payload != before)))
        return m
