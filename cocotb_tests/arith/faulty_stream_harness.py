"""A unit whose streams break their contract in some cycles, while a fault says so."""

import sys
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value

from tilewright.cocotb_tests.harness.faults import FunctionFault
from tilewright.hw.arith.unit import Unit


def breaks(way: str) -> Value:
    """Return whether streams break their contract in one way: never, unless a fault is planted."""
    return Const(0, 1)


def edge_fault(way: str, testcase: str, says: str) -> FunctionFault:
    """Return the fault that makes the streams of a :class:`FaultyStream` break their contract in one way.

    Parameters
    ----------
    way : str
        "withdraws", "changes", "pauses", "repeats" or "swallows".
    testcase, says : str
        See :class:`.Fault`.
    """

    def wrong(on: Value, right: Any) -> Any:
        return lambda asked: right(asked) | on if asked == way else right(asked)

    owner = sys.modules[__name__]
    return FunctionFault(name=way, owner=owner, wrong={"breaks": wrong}, testcase=testcase, says=says)


class FaultyStream(Unit):
    """A combinational unit whose streams can break their contract, in one of 32 cycles.

    Parameters
    ----------
    inner : Unit
        A unit without stages.
    """

    def __init__(self, inner: Unit):
        self.inner = inner
        super().__init__(inner.i.p.shape(), inner.o.p.shape())

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        count, now = Signal(5), Signal()
        m.d.sync += count.eq(count + 1)
        m.d.comb += now.eq(count == 31)
        withdraws, changes, pauses, repeats, swallows = (
            breaks(way) & now for way in ("withdraws", "changes", "pauses", "repeats", "swallows")
        )
        payload = Value.cast(inner.o.p)
        m.d.comb += [
            Value.cast(inner.i.p).eq(Value.cast(self.i.p)),
            inner.i.valid.eq(self.i.valid & ~withdraws),
            inner.o.ready.eq(self.o.ready),
            self.i.ready.eq(inner.i.ready & ~(withdraws | pauses | repeats)),
            self.o.valid.eq(inner.o.valid & ~(pauses | swallows)),
            # Wrong for as long as nobody takes it.
            Value.cast(self.o.p).eq(Mux(changes & ~self.o.ready, payload ^ 1, payload)),
        ]
        return m
