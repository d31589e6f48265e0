"""The cycles in which an interface of limited rate can move a word, with pauses for refresh."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class RateSlots(wiring.Component):
    """Chooses the cycles in which a word can pass, ``words`` of ``cycles``, spread evenly over those without refresh.

    Cycles count from 0, the first without ``restart``. In cycle ``n`` the memory is refreshed if and only if
    ``n % refresh_period < refresh_cycles``: no word passes, and the rate stands still. In other cycles ``slot`` is 1 if
    and only if, ``a`` being the number of cycles before ``n`` without refresh,
    ``(a + 1) * words // cycles > a * words // cycles``. With ``restart`` every cycle is as cycle 0.

    Members
    -------
    words, cycles : In(16)
        The rate; ``words <= cycles``. To be changed with ``restart`` only.
    refresh_period, refresh_cycles : In(16)
        Cycles from one refresh to the next, and those that it takes: fewer, or 0 for a memory without refresh. To be
        changed with ``restart`` only.
    restart : In(1)
    slot : Out(1)
    """

    def __init__(self):
        super().__init__(
            {
                "words": In(16),
                "cycles": In(16),
                "refresh_period": In(16),
                "refresh_cycles": In(16),
                "restart": In(1),
                "slot": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        position = Signal(16)
        following = Signal(17)
        refreshes = Signal()
        m.d.comb += [following.eq(position + 1), refreshes.eq(position < self.refresh_cycles)]
        with m.If(self.restart | (following >= self.refresh_period)):
            m.d.sync += position.eq(0)
        with m.Else():
            m.d.sync += position.eq(following)

        phase = Signal(16)
        advanced = Signal(17)
        m.d.comb += [advanced.eq(phase + self.words), self.slot.eq(~refreshes & (advanced >= self.cycles))]
        with m.If(self.restart):
            m.d.sync += phase.eq(0)
        with m.Elif(self.slot):
            m.d.sync += phase.eq(advanced - self.cycles)
        with m.Elif(~refreshes):
            m.d.sync += phase.eq(advanced)
        return m


def memory_slots(m: Module, name: str, memory: wiring.Component, words: Value, cycles: Value) -> Value:
    """Add the slots of a rate of a memory, which has refresh and restart as members; return ``slot``."""
    m.submodules[name] = slots = RateSlots()
    m.d.comb += [slots.words.eq(words), slots.cycles.eq(cycles)]
    m.d.comb += [
        getattr(slots, member).eq(getattr(memory, member)) for member in ("refresh_period", "refresh_cycles", "restart")
    ]
    return slots.slot
