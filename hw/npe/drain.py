"""Takes the sums of an output tile out of the array, one or several of a column in each cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.loader import chunk_layout
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.depths import OUTPUT_SLOTS, PARAMETER_SLOTS


def element_layout(config: NpeConfig) -> data.StructLayout:
    """Return the layout of the description of an element on its way through read-out and epilogue."""
    return data.StructLayout(
        {
            "row": range(config.rows),
            "column": range(config.columns),
            "panel": range(config.panels),
            "first": 1,  # of its row of C
            "last": 1,  # of its tile, with all that are read in the same cycle
            "slot": range(OUTPUT_SLOTS),
            "parameters": range(PARAMETER_SLOTS),
        }
    )


class Drain(wiring.Component):
    """Walks the columns of an output tile one after the other, and in each the rows that the tile has,
    ``results_per_cycle`` at a time.

    With reductions on, a column takes at least ``interval`` cycles, so that an element of a row meets the sum of
    those before it. A tile begins when it has been captured, a slot for results is free, and, with reductions on,
    those of the row blocks that ended with the tile before have been stored. From then on nothing holds it up, so that
    it is known ahead when the array can take over new sums.

    Members
    -------
    tile_ends, chunk : In
        The feeder has sent the last word of a tile; its chunk.
    captured : In(1)
        The array has the sums.
    reductions_on : In(1)
    slot_released, records_stored : In(1)
        A slot for results is free again; the reductions of the row block have been stored.
    element_valid, element : Out
        Elements of the array that are read in this cycle: this one, and those in the rows that follow; which of them
        there are.
    shift : Out(1)
        Makes the array go on to the next column.
    frees : Out(1)
        The last word of the next tile can be sent from the next cycle on: when its sums are captured, the last element
        of this one is read.
    waits_for_store : Out(1)
        Sums wait.
    """

    def __init__(self, config: NpeConfig, interval: int, capture_latency: int):
        self.config, self.interval = config, interval
        # From the cycle that ``frees`` to the last one: the next word is sent in the cycle behind it.
        self.lead = capture_latency + 2
        super().__init__(
            {
                "tile_ends": In(1),
                "chunk": In(chunk_layout(config)),
                "captured": In(1),
                "reductions_on": In(1),
                "slot_released": In(1),
                "records_stored": In(1),
                "element_valid": Out(config.results_per_cycle),
                "element": Out(element_layout(config)),
                "shift": Out(1),
                "frees": Out(1),
                "waits_for_store": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        # What is said of a tile waits for its sums, while the one before is read.
        sent, chunk = Signal(chunk_layout(config)), Signal(chunk_layout(config))
        with m.If(self.tile_ends):
            m.d.sync += sent.eq(self.chunk)
        tile = chunk.tile
        held, running, records_wait = Signal(), Signal(), Signal()
        slot = Signal(range(OUTPUT_SLOTS))
        free = Signal(range(OUTPUT_SLOTS + 1), init=OUTPUT_SLOTS)
        # ``beat`` counts the cycles of a column; the first of them have elements.
        longest = max(config.rows, self.interval)
        beat, column = Signal(range(longest)), Signal(range(config.columns))
        column_cycles, sent_cycles = Signal(range(longest + 1)), Signal(range(longest + 1))
        begins, on, column_ends, drained = Signal(), Signal(), Signal(), Signal()
        # Cycles of the tile at hand, and those before the one that ``frees``.
        cycle, ahead = (Signal(range(longest * config.columns + 1), name=name) for name in ("cycle", "ahead"))
        tile_cycles = Signal.like(ahead)
        count = config.results_per_cycle
        shift = (count - 1).bit_length()
        sent_full, full = ((each.rows + (count - 1)) >> shift for each in (sent.tile, tile))
        m.d.comb += [
            sent_cycles.eq(Mux(self.reductions_on & (sent_full < self.interval), self.interval, sent_full)),
            begins.eq(held & ~running & free.any() & ~records_wait),
            self.waits_for_store.eq(held & ~running & ~begins),
            on.eq(begins | running),
            column_ends.eq(on & (beat + 1 == column_cycles)),
            self.shift.eq(column_ends),
            drained.eq(column_ends & (column + 1 == tile.columns)),
            self.frees.eq(on & (cycle == ahead)),
            self.element_valid.eq(Cat(on & (beat < ((tile.rows + (count - 1 - i)) >> shift)) for i in range(count))),
            self.element.row.eq(beat << shift),
            self.element.column.eq(column),
            self.element.panel.eq(tile.panel),
            self.element.first.eq(tile.first_columns & (column == 0)),
            self.element.last.eq((beat + 1 == full) & (column + 1 == tile.columns)),
            self.element.slot.eq(slot),
            self.element.parameters.eq(chunk.parameters),
        ]
        m.d.sync += tile_cycles.eq(sent_cycles * sent.tile.columns)  # there before it is captured
        m.d.sync += free.eq(free + self.slot_released - begins)
        with m.If(on):
            m.d.sync += [running.eq(1), beat.eq(beat + 1), cycle.eq(cycle + 1)]
        with m.If(column_ends):
            m.d.sync += [beat.eq(0), column.eq(column + 1)]
        with m.If(drained):
            m.d.sync += [held.eq(0), running.eq(0), column.eq(0), slot.eq(slot + 1)]
        with m.If(self.captured):
            m.d.sync += [
                held.eq(1),
                chunk.eq(sent),
                column_cycles.eq(sent_cycles),
                cycle.eq(0),
                ahead.eq(Mux(tile_cycles > self.lead, tile_cycles - self.lead, 0)),
            ]
        with m.If(begins & self.reductions_on & tile.last_columns):
            m.d.sync += records_wait.eq(1)
        with m.Elif(self.records_stored):
            m.d.sync += records_wait.eq(0)
        return m
