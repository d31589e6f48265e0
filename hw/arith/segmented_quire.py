"""An accumulator that is one of 128 bits, two of 64, or four of 32."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data

from tilewright.hw.arith.segments import accumulate, add_carries, look_ahead
from tilewright.hw.arith.significand_multiplier import LANES_BITS, Lanes
from tilewright.hw.arith.unit import Unit

SEGMENT_BITS = 32
WIDTH = 128


class SegmentedQuire(Unit):
    """``sum += value`` in signed lanes: 1 x 128, 2 x 64 or 4 x 32 bits, chosen for each sum.

    Lanes wrap. Within a cycle carries stay in their segment of 32 bits; the next addition, or the read-out, adds them
    to the segment above.

    Throughput: one addition a cycle, sums back to back. Latency: ``stages + 1`` cycles from the last value to the sum.

    Parameters
    ----------
    stages : int
        Pipeline registers beside the accumulator, 0 or 1; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``value``, lane 0 lowest; ``lanes``, the same from ``first`` to ``last``; ``first`` begins a sum, ``last``
        ends it.
    o : Out(stream)
        The lanes, one word for each ``last``.
    """

    CUTS = ("resolved",)
    ALWAYS = ("sum",)

    def __init__(self, *, stages: int = 0, back_pressure: bool = True):
        i = data.StructLayout({"value": WIDTH, "lanes": LANES_BITS, "first": 1, "last": 1})
        super().__init__(i, WIDTH, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        moves = pipe.moves
        # Between two values, carries go on their way in the lanes of the sum that they belong to.
        held = Signal(LANES_BITS)
        with m.If(moves):
            m.d.sync += held.eq(p.lanes)
        joined = _joined(m, Mux(moves, p.lanes, held), "added")
        value = p.value & moves.replicate(WIDTH)
        segments = accumulate(m, value, SEGMENT_BITS, "sum", first=p.first & moves, joined=joined)
        last, lanes = pipe.cut("sum", p.last, p.lanes)
        resolved = look_ahead(m, segments, "total", joined=_joined(m, lanes, "resolved"))
        resolved, last = pipe.cut("resolved", resolved, last)
        pipe.end(add_carries(m, resolved, "total"), when=last)
        return m


def _joined(m: Module, lanes, name: str) -> list:
    """Return for each segment but the lowest whether it continues the one below."""
    odd, middle = Signal(name=f"{name}_odd_joined"), Signal(name=f"{name}_middle_joined")
    m.d.comb += [odd.eq(lanes != Lanes.FOUR), middle.eq(lanes == Lanes.ONE)]
    return [odd, middle, odd]
