"""The cycles in which an interface of limited rate can move a word."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class RateSlots(wiring.Component):
    """Chooses the cycles in which a word can pass, ``words`` of ``cycles``, spread evenly.

    In cycle ``n`` after ``restart`` (the first without it is 0) ``slot`` is 1 if and only if
    ``(n + 1) * words // cycles > n * words // cycles``: the rule of :class:`TimedMemory`. With ``restart`` every cycle
    is as cycle 0.

    Members
    -------
    words, cycles : In(16)
        The rate; ``words <= cycles``. To be changed with ``restart`` only.
    restart : In(1)
    slot : Out(1)
    """

    def __init__(self):
        super().__init__({"words": In(16), "cycles": In(16), "restart": In(1), "slot": Out(1)})

    def elaborate(self, platform):
        m = Module()
        phase, advanced = Signal(16), Signal(17)
        m.d.comb += [advanced.eq(phase + self.words), self.slot.eq(advanced >= self.cycles)]
        with m.If(self.restart):
            m.d.sync += phase.eq(0)
        with m.Elif(self.slot):
            m.d.sync += phase.eq(advanced - self.cycles)
        with m.Else():
            m.d.sync += phase.eq(advanced)
        return m
