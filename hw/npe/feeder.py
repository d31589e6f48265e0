"""Sends the words of panels to the array."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.loader import COUNT_BITS, chunk_layout
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.depths import B_PANELS


class Feeder(wiring.Component):
    """Sends a word of every row and column in each cycle, chunk after chunk without a gap.

    Waits for a chunk's panels and, at the last word of a tile, until the sums of the tile before will have left the
    array when those of this one are captured.

    Members
    -------
    chunks : In(stream)
        See :func:`.loader.chunk_layout`.
    completed : In
        Requests all of whose words are on chip, modulo.
    frees : In(1)
        The last word of another tile can be sent from the next cycle on.
    word : Out(1)
        A word is read in this cycle.
    a_address, b_address : Out
        Beat in every bank of A and of B.
    a_bank : Out
        Bank in which the first row's word lies.
    select : Out
        Word in the beat.
    first, last : Out(1)
        The word is the first, the last of a dot product.
    chunk : Out
        The chunk that the word belongs to.
    tile_ends : Out(1)
        This is the last word of a tile.
    release_a, release_b : Out(1)
        A panel is not needed any more.
    waits_for_load, waits_for_drain : Out(1)
        No word in this cycle, and why.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        super().__init__(
            {
                "chunks": In(stream.Signature(chunk_layout(config))),
                "completed": In(COUNT_BITS),
                "frees": In(1),
                "word": Out(1),
                "a_address": Out(range(config.panels * config.depth)),
                "a_bank": Out(range(config.rows)),
                "b_address": Out(range(B_PANELS * config.depth)),
                "select": Out(range(config.words_per_beat)),
                "first": Out(1),
                "last": Out(1),
                "chunk": Out(chunk_layout(config)),
                "tile_ends": Out(1),
                "release_a": Out(1),
                "release_b": Out(1),
                "waits_for_load": Out(1),
                "waits_for_drain": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, chunk = self.config, self.chunks.p
        beat_bits = (config.depth - 1).bit_length()
        index = Signal(range(config.depth * config.words_per_beat))
        # Completed requests less those needed; negative as long as some are missing.
        surplus = Signal(COUNT_BITS)
        sums_held = Signal()
        at_end, there, ends = Signal(), Signal(), Signal()
        select_bits = (config.words_per_beat - 1).bit_length()
        beat = index >> select_bits
        m.d.comb += [
            surplus.eq(self.completed - chunk.requests),
            there.eq(self.chunks.valid & ~surplus[-1]),
            at_end.eq(index + 1 == chunk.words),
            ends.eq(at_end & chunk.last),
            self.waits_for_load.eq(~there),
            self.waits_for_drain.eq(there & ends & sums_held),
            self.word.eq(there & ~(ends & sums_held)),
            self.a_address.eq((chunk.a_slot << beat_bits) + beat),
            self.a_bank.eq(chunk.a_bank),
            self.b_address.eq((chunk.b_slot << beat_bits) + beat),
            self.select.eq(index),
            self.first.eq(chunk.first & (index == 0)),
            self.last.eq(ends),
            self.chunk.eq(chunk),
            self.chunks.ready.eq(self.word & at_end),
            self.tile_ends.eq(self.word & ends),
            self.release_a.eq(self.word & at_end & chunk.release_a),
            self.release_b.eq(self.word & at_end & chunk.release_b),
        ]
        with m.If(self.word):
            m.d.sync += index.eq(Mux(at_end, 0, index + 1))
        with m.If(self.tile_ends):
            m.d.sync += sums_held.eq(1)
        with m.Elif(self.frees):
            m.d.sync += sums_held.eq(0)
        return m
