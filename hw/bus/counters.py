"""Counts the cycles and events of a start."""

from collections.abc import Iterable

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

COUNTER_BITS = 32
"""Width of each counter; counters wrap."""


class Counters(wiring.Component):
    """Counts events while ``run`` is 1; ``clear`` has priority and sets all counters to 0.

    Parameters
    ----------
    names : iterable of str
        Names of the events and of the counters.

    Members
    -------
    clear, run : In(1)
    events : In
        A bit for each name; counted from the next cycle on.
    counters : Out
        ``COUNTER_BITS`` for each name.
    """

    def __init__(self, names: Iterable[str]):
        self._names = tuple(names)
        super().__init__(
            {
                "clear": In(1),
                "run": In(1),
                "events": In(data.StructLayout(dict.fromkeys(self._names, 1))),
                "counters": Out(data.StructLayout(dict.fromkeys(self._names, COUNTER_BITS))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for name in self._names:
            count = Signal(COUNTER_BITS, name=name)
            m.d.comb += self.counters[name].eq(count)
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(self.run):
                m.d.sync += count.eq(count + self.events[name])
        return m
