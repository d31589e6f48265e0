"""Adds partial sums of a tile over successive blocks of weights."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.sequencer import vector_layout
from tilewright.sim.config import TileConfig


class Accumulator(wiring.Component):
    """Adds each vector of sums to its slot, or overwrites the slot; finished vectors leave instead.

    ``total = sums + (slot if accumulate else 0)``; with ``emit`` the total is the output, otherwise the new
    content of the slot. Signed; ``accumulator_bits`` are exact for up to ``max_accumulated_rows`` rows and
    wrap beyond. Latency: the output is valid in the cycle of the input (0). Throughput: one vector a cycle,
    any slots.

    Parameters
    ----------
    config : TileConfig
        Shape and number of slots.
    columns, sum_bits : int or None
        Sums of a vector, and width of one, if not those of the tile.

    Members
    -------
    next_slot : In
        Slot of the vector that comes in the next cycle.
    valid : In(1)
        A vector of sums is present.
    vector : In(vector_layout)
        Description of this vector.
    sums : In
        One sum of ``sum_bits`` for each column, column 0 lowest.
    total_valid : Out(1)
        A finished vector is present.
    total : Out
        One total of ``accumulator_bits`` for each column.
    """

    def __init__(self, *, config: TileConfig, columns: int | None = None, sum_bits: int | None = None):
        self.config = config
        self.columns = columns = columns or config.columns
        self.sum_bits = sum_bits = sum_bits or config.sum_bits
        super().__init__(
            {
                "next_slot": In(16),
                "valid": In(1),
                "vector": In(vector_layout()),
                "sums": In(columns * sum_bits),
                "total_valid": Out(1),
                "total": Out(columns * config.accumulator_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        bits = cfg.accumulator_bits
        m.submodules.slots = slots = memory.Memory(shape=len(self.total), depth=cfg.accumulator_vectors, init=[])
        write = slots.write_port()
        # Successive vectors may use the same slot.
        read = slots.read_port(transparent_for=(write,))
        totals = []
        for column in range(self.columns):
            old = Mux(self.vector.accumulate, read.data.word_select(column, bits), 0).as_signed()
            total = Signal(bits, name=f"total{column}")
            m.d.comb += total.eq(old + self.sums.word_select(column, self.sum_bits).as_signed())
            totals.append(total)
        m.d.comb += [
            read.addr.eq(self.next_slot),
            write.addr.eq(self.vector.slot),
            write.en.eq(self.valid & ~self.vector.emit),
            write.data.eq(Cat(totals)),
            self.total_valid.eq(self.valid & self.vector.emit),
            self.total.eq(Cat(totals)),
        ]
        return m
