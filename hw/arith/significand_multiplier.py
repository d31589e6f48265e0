"""One multiplier that computes one product of 16 bits, two of 8 bits, or four of 4 bits."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.booth import recode
from tilewright.hw.arith.carry_save import Heap, pair, reduce
from tilewright.hw.arith.unit import Unit

WORD_BITS = 16


class Lanes(enum.IntEnum):
    """Split of words into lanes."""

    ONE = 0
    TWO = 1
    FOUR = 2


LANES_BITS = 2
"""Width of a port that carries one of :class:`Lanes`."""


class SignificandMultiplier(Unit):
    """Products of signed lanes: 1 x 16x16, 2 x 8x8 or 4 x 4x4, chosen for each word.

    Holds significands with a zero, or a sign, above them: one of 13 bits, two of 6, four of 2; and integers of 8 or
    4 bits, and the 9 bits of a bfloat16, as they are. Lane ``k`` of ``o`` is lane ``k`` of ``a`` times that of ``b``,
    twice as wide.

    One array of radix-4 Booth rows and one Dadda tree: rows take the multiplicand's bits of their own lane only, and
    no carry crosses from one lane's product to the next.

    Parameters
    ----------
    stages : int
        Pipeline registers, 0 or 1; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``, lane 0 lowest, and ``lanes``.
    o : Out(stream)
        The products.
    """

    CUTS = ("pair",)

    def __init__(self, *, stages: int = 0, back_pressure: bool = True):
        i = data.StructLayout({"a": WORD_BITS, "b": WORD_BITS, "lanes": LANES_BITS})
        super().__init__(i, 2 * WORD_BITS, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        lanes = p.lanes
        # Where a product ends: all of them in four lanes, every second in two.
        halves, quarters = Signal(), Signal()
        m.d.comb += [quarters.eq(lanes == Lanes.FOUR), halves.eq(lanes != Lanes.ONE)]
        heap = self._rows(m, p.a, p.b, halves, quarters)
        one, two = pair(reduce(m, heap, "tree", passes=_passes(halves, quarters)))
        one, two, halves, quarters = pipe.cut("pair", one, two, halves, quarters)
        pipe.end(add_lanes(m, one, two, _passes(halves, quarters), "product"))
        return m

    def _rows(self, m: Module, a: Value, b: Value, halves: Value, quarters: Value) -> Heap:
        """Return the partial products, a heap of ``2 * WORD_BITS`` weights."""
        width = 2 * WORD_BITS
        heap: Heap = [[] for _ in range(width)]
        constants = dict.fromkeys(Lanes, 0)
        chosen = {Lanes.ONE: ~halves, Lanes.TWO: halves & ~quarters, Lanes.FOUR: quarters}
        for row in range(WORD_BITS // 2):
            # The lane of the row in each mode: where it begins, and its width.
            spans = {
                lanes: (2 * row // bits * bits, bits)
                for lanes, bits in ((Lanes.ONE, 16), (Lanes.TWO, 8), (Lanes.FOUR, 4))
            }
            begins = _any(chosen[lanes] for lanes, (start, _) in spans.items() if start == 2 * row)
            low = (b[2 * row - 1] if row else Const(0, 1)) & ~begins
            middle, high = b[2 * row], b[2 * row + 1]
            once, twice, negative = (Signal(name=f"row{row}_{what}") for what in ("once", "twice", "negative"))
            is_one, is_two = recode(low, middle, high)
            m.d.comb += [
                once.eq(is_one),
                twice.eq(is_two),
                negative.eq(high & ~(middle & low)),
            ]
            for bit in range(WORD_BITS + 1):
                weight = bit + 2 * row
                inside = _any(chosen[k] for k, (start, bits) in spans.items() if start <= bit < start + bits)
                at_start = _any(chosen[k] for k, (start, _) in spans.items() if start == bit)
                at_sign = _any(chosen[k] for k, (start, bits) in spans.items() if start + bits == bit)
                if weight >= width:
                    continue
                own = a[bit] if bit < WORD_BITS else Const(0, 1)
                below = a[bit - 1] if bit else Const(0, 1)
                # At the place of the sign, above the lane, stands the lane's own sign once more.
                own = Mux(at_sign, below, own)
                multiple = ((once & own) | (twice & below & ~at_start)) ^ negative
                term = Signal(name=f"row{row}_bit{bit}")
                m.d.comb += term.eq((multiple & inside) | (~multiple & at_sign))
                heap[weight].append(term)
            for lanes, (start, bits) in spans.items():
                # What the inverted sign has added is taken off, without a borrow from the lane above.
                field = ((1 << 2 * bits) - 1) << 2 * start
                constants[lanes] = (constants[lanes] & ~field) | (
                    constants[lanes] - (1 << start + bits + 2 * row) & field
                )
                heap[start + 2 * row].append(negative & chosen[lanes])
        for weight, column in enumerate(heap):
            if terms := [chosen[lanes] for lanes, constant in constants.items() if constant >> weight & 1]:
                column.append(_any(terms))
        return heap


def _passes(halves: Value, quarters: Value) -> dict[int, Value]:
    """Return whether a carry goes into the bits at which a product can begin."""
    return {8: ~quarters, 16: ~halves, 24: ~quarters}


def add_lanes(m: Module, one: Value, two: Value, passes: dict[int, Value], name: str) -> Value:
    """Return ``one + two``, where a carry goes into the bits of ``passes`` only if they are set."""
    bits_one: list[Value] = []
    bits_two: list[Value] = []
    places = []
    for bit in range(len(one)):
        if bit in passes:
            # One more place, which passes a carry on or not.
            bits_one.append(passes[bit])
            bits_two.append(Const(0, 1))
        places.append(len(bits_one))
        bits_one.append(one[bit])
        bits_two.append(two[bit])
    total = Signal(len(bits_one), name=name)
    m.d.comb += total.eq(Cat(*bits_one) + Cat(*bits_two))
    return Cat(total[place] for place in places)


def _any(terms) -> Value:
    return Cat(*terms).any()
