"""The cycles in which an interface of limited rate can move a word, with pauses for refresh and for the other
direction."""

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

FOREVER = (1 << 16) - 2
"""An ``open_end`` that never comes, if ``turn_period`` is 0 or 1."""


class RateSlots(wiring.Component):
    """Chooses the cycles in which a word can pass, ``words`` of ``cycles``, spread evenly over those in which its
    direction has the memory.

    Cycles count from 0, the first without ``restart``. In cycle ``n`` the memory is refreshed if and only if
    ``n % refresh_period < refresh_cycles``. Of the other cycles, numbered ``b`` from 0, those belong to the direction
    in which ``open_first <= b % turn_period < open_end``. In all others no word passes, and the rate stands still. Of
    the cycles that belong to it, numbered ``a`` from 0, ``slot`` is 1 in those in which
    ``(a + 1) * words // cycles > a * words // cycles``. With ``restart`` every cycle is as cycle 0.

    Members
    -------
    words, cycles : In(16)
        The rate; ``words <= cycles``. To be changed with ``restart`` only, as all other inputs.
    refresh_period, refresh_cycles : In(16)
        Cycles from one refresh to the next, and those that it takes: fewer, or 0 for a memory without refresh.
    turn_period, open_first, open_end : In(16)
        Cycles without refresh after which the directions take turns anew, and the first one and the one after the last
        of the direction; 0, 0 and :data:`FOREVER` if it need not wait for the other one.
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
                "turn_period": In(16),
                "open_first": In(16),
                "open_end": In(16),
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

        turn = Signal(16)
        next_turn = Signal(17)
        open_ = Signal(name="open")
        m.d.comb += [
            next_turn.eq(turn + 1),
            open_.eq(~refreshes & (turn >= self.open_first) & (turn < self.open_end)),
        ]
        with m.If(self.restart):
            m.d.sync += turn.eq(0)
        with m.Elif(~refreshes):
            with m.If(next_turn >= self.turn_period):
                m.d.sync += turn.eq(0)
            with m.Else():
                m.d.sync += turn.eq(next_turn)

        phase = Signal(16)
        advanced = Signal(17)
        m.d.comb += [advanced.eq(phase + self.words), self.slot.eq(open_ & (advanced >= self.cycles))]
        with m.If(self.restart):
            m.d.sync += phase.eq(0)
        with m.Elif(self.slot):
            m.d.sync += phase.eq(advanced - self.cycles)
        with m.Elif(open_):
            m.d.sync += phase.eq(advanced)
        return m


def memory_slots(
    m: Module,
    name: str,
    memory: wiring.Component,
    words: Value,
    cycles: Value,
    turns: tuple[Value, Value, Value] = (Const(0, 16), Const(0, 16), Const(FOREVER, 16)),
) -> Value:
    """Add the slots of a rate of a memory, which has refresh and restart as members; return ``slot``.

    Parameters
    ----------
    turns : tuple of Value
        ``turn_period``, ``open_first`` and ``open_end`` of :class:`RateSlots`.
    """
    m.submodules[name] = slots = RateSlots()
    m.d.comb += [slots.words.eq(words), slots.cycles.eq(cycles)]
    m.d.comb += [
        getattr(slots, member).eq(getattr(memory, member)) for member in ("refresh_period", "refresh_cycles", "restart")
    ]
    m.d.comb += [
        getattr(slots, member).eq(value)
        for member, value in zip(("turn_period", "open_first", "open_end"), turns, strict=True)
    ]
    return slots.slot
