"""Loads blocks of weights into the banks of a tile, one block ahead of computing for each further bank."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.command import LOAD_LAYOUT, REQUEST_LAYOUT
from tilewright.sim.config import TileConfig


class WeightLoader(wiring.Component):
    """Requests each block of weights as soon as a bank is free, and writes the answer into that bank.

    A bank is reserved when its block is requested, so that the weights never have to wait: memory latency
    is hidden while another bank computes or loads. Banks are filled, and released, in turn.

    Throughput: one beat a cycle. Latency: a block counts as loaded in the cycle after its last beat
    (``LATENCY``); its last row is in the array one cycle later.

    Parameters
    ----------
    config : TileConfig
        Shape, bus width and number of banks.

    Members
    -------
    loads : In(stream)
        Blocks to load.
    requests : Out(stream)
        Reads of weight memory, ``REQUEST_LAYOUT``.
    weights : In(stream)
        The words read, in the order of the requests.
    write_enable : Out
        Writes a row of weights: one enable for each row of the grid.
    write_bank, write_row, write_data : Out
        Bank, row within the macro, and one weight for each column of the tile.
    loaded : Out(1)
        A block is complete from the next cycle on.
    released : In(1)
        The oldest bank is free from the next cycle on.
    """

    LATENCY = 1

    def __init__(self, *, config: TileConfig):
        self.config = config
        macro = config.macro
        super().__init__(
            {
                "loads": In(stream.Signature(LOAD_LAYOUT)),
                "requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "weights": In(stream.Signature(config.weight_bus_bits)),
                "write_enable": Out(config.grid_rows),
                "write_bank": Out(range(macro.weight_banks)),
                "write_row": Out(range(macro.rows)),
                "write_data": Out(config.columns * macro.weight_bits),
                "loaded": Out(1),
                "released": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg, macro = self.config, self.config.macro
        weights_per_beat = cfg.weight_bus_bits // macro.weight_bits  # a power of two
        shift = weights_per_beat.bit_length() - 1
        row_beats = cfg.weight_beats_per_row(cfg.columns)

        # Requesting: reserve a bank, ask for its block.
        free = Signal(range(macro.weight_banks + 1), init=macro.weight_banks)
        pending_layout = data.StructLayout({"rows": 12, "row_beats": range(row_beats + 1)})
        # Never full: every entry has reserved a bank.
        m.submodules.pending = queue = SyncFIFO(width=pending_layout.size, depth=macro.weight_banks)
        pending = data.View(pending_layout, queue.w_data)
        block = data.View(pending_layout, queue.r_data)
        requested = Signal()
        m.d.comb += [
            pending.rows.eq(self.loads.p.rows),
            pending.row_beats.eq((self.loads.p.columns + (weights_per_beat - 1)) >> shift),
            self.requests.p.address.eq(self.loads.p.address),
            self.requests.p.beats.eq(pending.rows * pending.row_beats),
            self.requests.valid.eq(self.loads.valid & (free != 0)),
            self.loads.ready.eq(self.requests.ready & (free != 0)),
            requested.eq(self.requests.valid & self.requests.ready),
            queue.w_en.eq(requested),
        ]
        m.d.sync += free.eq(free + self.released - requested)

        # Receiving: assemble rows, write each to the array in the cycle after its last beat.
        beat = Signal(range(row_beats))
        grid_row = Signal(range(cfg.grid_rows))
        macro_row = Signal(range(macro.rows))
        rows_done = Signal(12)
        bank = Signal(range(macro.weight_banks))
        row_end, block_end = Signal(), Signal()
        accepted = Signal()
        m.d.comb += [
            self.weights.ready.eq(queue.r_rdy),
            accepted.eq(self.weights.valid & self.weights.ready),
            row_end.eq(accepted & (beat == block.row_beats - 1)),
            block_end.eq(row_end & (rows_done == block.rows - 1)),
            queue.r_en.eq(block_end),
            self.loaded.eq(block_end),
        ]
        m.d.sync += self.write_enable.eq(0)
        with m.If(accepted):
            m.d.sync += [
                self.write_data.word_select(beat, cfg.weight_bus_bits).eq(self.weights.p),
                beat.eq(beat + 1),
            ]
        with m.If(row_end):
            m.d.sync += [
                self.write_enable.eq(1 << grid_row),
                self.write_row.eq(macro_row),
                self.write_bank.eq(bank),
                beat.eq(0),
                rows_done.eq(rows_done + 1),
                macro_row.eq(macro_row + 1),
            ]
            with m.If(macro_row == macro.rows - 1):
                m.d.sync += [macro_row.eq(0), grid_row.eq(grid_row + 1)]
        with m.If(block_end):
            m.d.sync += [macro_row.eq(0), grid_row.eq(0), rows_done.eq(0), bank.eq(bank + 1)]
            with m.If(bank == macro.weight_banks - 1):
                m.d.sync += bank.eq(0)
        return m
