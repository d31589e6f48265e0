"""Walks over the elements of a matrix, one step of lanes in each cycle."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

SIZE_BITS = 16
"""Width of rows, columns and steps."""


class Walker(wiring.Component):
    """Counts the steps of each row, and rows; each row takes ``period`` cycles, of which the first ``steps`` have data.

    Begins in the cycle after ``start``; ``address = base + row * stride + ((step ^ flip) << size)``, wrapping.

    Members
    -------
    start : In(1)
    rows, steps, period : In(16)
        At least 1 each, ``steps <= period``; constant until ``last``.
    base, stride : In
    size, flip : In
        Parts of a step's address; see above.
    active : Out(1)
        The walker counts.
    inside : Out(1)
        There is data.
    step, row : Out(16)
    row_ends, last : Out(1)
        Last cycle of a row, of all.
    address : Out
    """

    def __init__(self, *, address_bits: int):
        super().__init__(
            {
                "start": In(1),
                "rows": In(SIZE_BITS),
                "steps": In(SIZE_BITS),
                "period": In(SIZE_BITS),
                "base": In(address_bits),
                "stride": In(address_bits),
                "size": In(2),
                "flip": In(SIZE_BITS),
                "active": Out(1),
                "inside": Out(1),
                "step": Out(SIZE_BITS),
                "row": Out(SIZE_BITS),
                "row_ends": Out(1),
                "last": Out(1),
                "address": Out(address_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        begin = Signal.like(self.address, name="begin")
        m.d.comb += [
            self.inside.eq(self.active & (self.step < self.steps)),
            self.row_ends.eq(self.active & (self.step == self.period - 1)),
            self.last.eq(self.row_ends & (self.row == self.rows - 1)),
            self.address.eq(begin + ((self.step ^ self.flip) << self.size)),
        ]
        with m.If(self.start):
            m.d.sync += [self.active.eq(1), self.step.eq(0), self.row.eq(0), begin.eq(self.base)]
        with m.Elif(self.row_ends):
            m.d.sync += [
                self.active.eq(~self.last),
                self.step.eq(0),
                self.row.eq(self.row + 1),
                begin.eq(begin + self.stride),
            ]
        with m.Elif(self.active):
            m.d.sync += self.step.eq(self.step + 1)
        return m
