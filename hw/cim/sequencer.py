"""Runs the vectors of a tile's commands through its macros, slice by slice."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.command import compute_layout, with_mode
from tilewright.sim.config import TileConfig


def vector_layout(tiles: int = 1) -> data.StructLayout:
    """Return the layout of the description of one vector: where its dot products go."""
    return with_mode({"slot": 16, "columns": 16, "accumulate": 1, "emit": 1}, tiles)


class Sequencer(wiring.Component):
    """Starts a vector as soon as its weights, its activations and room for its results are there.

    Throughput: one vector every ``slices`` cycles, across commands too. The outputs describe the slice that
    starts its way in this cycle.

    Parameters
    ----------
    config : TileConfig
        Shape of the macro, banks and depth of the result buffer.
    tiles : int
        Number of tiles.

    Members
    -------
    computes : In(stream)
        Commands.
    loaded : In(1)
        A further bank is ready from the next cycle on.
    released : Out(1)
        The oldest bank is no longer needed.
    available : In(1)
        An activation vector is in the input buffer.
    take : Out(1)
        A vector starts: its activations leave the input buffer.
    result_taken : In(1)
        A finished vector has left the result buffer.
    slice_valid, slice_first, slice_last, slice_bank : Out
        The slice, as for the macro.
    vector : Out(vector_layout)
        Description of the vector that the slice belongs to.
    """

    def __init__(self, *, config: TileConfig, tiles: int = 1):
        self.config = config
        self.tiles = tiles
        super().__init__(
            {
                "computes": In(stream.Signature(compute_layout(tiles))),
                "loaded": In(1),
                "released": Out(1),
                "available": In(1),
                "take": Out(1),
                "result_taken": In(1),
                "slice_valid": Out(1),
                "slice_first": Out(1),
                "slice_last": Out(1),
                "slice_bank": Out(range(config.macro.weight_banks)),
                "vector": Out(vector_layout(tiles)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        macro = self.config.macro
        command = self.computes.p

        ready_banks = Signal(range(macro.weight_banks + 1))
        results = Signal(range(self.config.result_buffer_vectors + 1))  # on their way or in the buffer
        room = ~command.emit | (results != self.config.result_buffer_vectors)
        slice_index = Signal(range(macro.slices))
        vector_index = Signal(16)
        m.d.comb += [
            self.slice_first.eq(self.computes.valid & (slice_index == 0) & (ready_banks != 0) & self.available & room),
            self.slice_valid.eq(self.slice_first | (slice_index != 0)),
            self.slice_last.eq(self.slice_valid & (slice_index == macro.slices - 1)),
            self.take.eq(self.slice_first),
            self.computes.ready.eq(self.slice_last & (vector_index == command.vectors - 1)),
            # The bank is busy until the last slice; writes into it come several cycles later.
            self.released.eq(self.computes.ready & command.release),
            self.vector.slot.eq(command.slot + vector_index),
            self.vector.columns.eq(command.columns),
            self.vector.accumulate.eq(command.accumulate),
            self.vector.emit.eq(command.emit),
        ]
        if self.tiles > 1:
            m.d.comb += self.vector.reduce.eq(command.reduce)
        if macro.slices > 1:
            with m.If(self.slice_last):
                m.d.sync += slice_index.eq(0)
            with m.Elif(self.slice_valid):
                m.d.sync += slice_index.eq(slice_index + 1)
        with m.If(self.computes.ready):
            m.d.sync += vector_index.eq(0)
        with m.Elif(self.slice_last):
            m.d.sync += vector_index.eq(vector_index + 1)
        with m.If(self.released):
            m.d.sync += self.slice_bank.eq(self.slice_bank + 1)
            with m.If(self.slice_bank == macro.weight_banks - 1):
                m.d.sync += self.slice_bank.eq(0)
        m.d.sync += [
            ready_banks.eq(ready_banks + self.loaded - self.released),
            results.eq(results + (self.slice_first & command.emit) - self.result_taken),
        ]
        return m
