"""Counts what a start takes and does."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

COUNTER_BITS = 32
"""Counters wrap."""

EVENTS_LAYOUT = data.StructLayout(
    {
        "busy": 1,  # the array takes a word
        "stall_load": 1,  # it waits for operands
        "stall_store": 1,  # it waits to hand over results
        "read_beat": 1,  # a beat is read
        "write_beat": 1,  # a beat is written
    }
)
"""What happens in a cycle; named as the registers that count it."""
COUNTERS_LAYOUT = data.StructLayout(
    {
        "cycles": COUNTER_BITS,
        "busy": COUNTER_BITS,
        "stall_load": COUNTER_BITS,
        "stall_store": COUNTER_BITS,
        "read_beats": COUNTER_BITS,
        "write_beats": COUNTER_BITS,
    }
)


class Counters(wiring.Component):
    """Counts cycles and events while ``run`` is 1; ``clear``, which comes first, sets all to 0.

    Members
    -------
    clear, run : In(1)
    events : In(EVENTS_LAYOUT)
        Counted from the next cycle on.
    counters : Out(COUNTERS_LAYOUT)
    """

    def __init__(self):
        super().__init__(
            {
                "clear": In(1),
                "run": In(1),
                "events": In(EVENTS_LAYOUT),
                "counters": Out(COUNTERS_LAYOUT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        counted = {
            "cycles": 1,
            "busy": self.events.busy,
            "stall_load": self.events.stall_load,
            "stall_store": self.events.stall_store,
            "read_beats": self.events.read_beat,
            "write_beats": self.events.write_beat,
        }
        for name, event in counted.items():
            count = Signal(COUNTER_BITS, name=name)
            m.d.comb += self.counters[name].eq(count)
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(self.run):
                m.d.sync += count.eq(count + event)
        return m
