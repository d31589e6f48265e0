"""Sends finished result vectors of a tile as a stream of bus words."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.sim.config import TileConfig


def result_layout(config: TileConfig) -> data.StructLayout:
    """Return the layout of one word of results, column 0 lowest; ``last`` marks the last word of a vector."""
    return data.StructLayout({"data": config.result_bus_bits, "last": 1})


class ResultSender(wiring.Component):
    """Buffers ``result_buffer_vectors`` vectors and sends each in ``result_beats(columns)`` words.

    Latency: the first word is valid ``LATENCY`` cycles after its vector came. Throughput: one word a cycle,
    across vectors too. The sender of vectors must not send more than the buffer holds; ``taken`` tells when
    a vector has left it.

    Parameters
    ----------
    config : TileConfig
        Shape, bus width and depth of the buffer.
    columns : int or None
        Results of a vector at most, if not those of the tile.

    Members
    -------
    valid : In(1)
        A vector is present.
    total : In
        The results of this vector.
    columns : In(16)
        Number of results that count.
    taken : Out(1)
        A vector leaves the buffer.
    results : Out(stream)
        Words, ``result_layout``.
    """

    LATENCY = 2

    def __init__(self, *, config: TileConfig, columns: int | None = None):
        self.config = config
        columns = columns or config.columns
        self._beats = config.result_beats(columns)
        super().__init__(
            {
                "valid": In(1),
                "total": In(columns * config.accumulator_bits),
                "columns": In(16),
                "taken": Out(1),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        per_beat = cfg.results_per_beat
        shift = per_beat.bit_length() - 1
        beats = range(self._beats + 1)
        entry_layout = data.StructLayout({"total": len(self.total), "beats": beats})
        m.submodules.buffer = buffer = SyncFIFO(width=entry_layout.size, depth=cfg.result_buffer_vectors)
        entry = data.View(entry_layout, buffer.w_data)
        head = data.View(entry_layout, buffer.r_data)
        m.d.comb += [
            buffer.w_en.eq(self.valid),
            entry.total.eq(self.total),
            entry.beats.eq((self.columns + (per_beat - 1)) >> shift),
        ]

        words = Signal(len(self.total), reset_less=True)
        left = Signal(beats)
        sent = Signal()
        m.d.comb += [
            self.results.valid.eq(left != 0),
            self.results.p.data.eq(words[: cfg.result_bus_bits]),
            self.results.p.last.eq(left == 1),
            sent.eq(self.results.valid & self.results.ready),
            self.taken.eq(buffer.r_rdy & ((left == 0) | (sent & (left == 1)))),
            buffer.r_en.eq(self.taken),
        ]
        with m.If(self.taken):
            m.d.sync += [words.eq(head.total), left.eq(head.beats)]
        with m.Elif(sent):
            m.d.sync += [words.eq(words.shift_right(cfg.result_bus_bits)), left.eq(left - 1)]
        return m
