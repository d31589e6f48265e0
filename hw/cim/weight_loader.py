"""Loads weight blocks into the banks of tiles, one block ahead of the computation for each further bank."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.command import ADDRESS_BITS, REQUEST_LAYOUT, load_layout, row_bits
from tilewright.hw.cim.e2m1 import decode_e2m1
from tilewright.hw.cim.group_scales import scale_write_layout
from tilewright.sim.config import TileConfig
from tilewright.sim.formats import stored


class WeightLoader(wiring.Component):
    """Requests each block of weights as soon as a bank is free, and writes the answer into that bank.

    A block is spread over the tiles: each tile's part is a request of its own, its scales come before its rows. A
    bank, of all tiles, is reserved when the first part is requested, so that the weights never have to wait: memory
    latency is hidden while another bank computes or loads. Banks are filled, and released, in turn.

    Where the tile has narrow weights, a beat of a narrow block has twice as many weights, which become integers of
    the macro's bits before the row is assembled.

    Throughput: one beat a cycle, one request a cycle. Latency: a block counts as loaded in the cycle after its last
    beat (``LATENCY``); its last row is in the array one cycle later.

    Parameters
    ----------
    config : TileConfig
        Shape of a tile, bus width and number of banks.
    tiles : int
        Number of tiles.

    Members
    -------
    loads : In(stream)
        Blocks to load.
    requests : Out(stream)
        Reads of weight memory, ``REQUEST_LAYOUT``.
    weights : In(stream)
        The words read, in the order of the requests.
    write_enable : Out
        Writes a row of weights: one enable for each row of the grid of each tile, those of tile 0 lowest.
    write_bank, write_row, write_data : Out
        Bank, row within the macro, and one weight for each column of a tile.
    scale_write : Out(scale_write_layout)
        Writes a word of scales; only with group scales.
    loaded : Out(1)
        A block is complete from the next cycle on.
    released : In(1)
        The oldest bank is free from the next cycle on.
    """

    LATENCY = 1

    def __init__(self, *, config: TileConfig, tiles: int = 1):
        self.config = config
        self.tiles = tiles
        macro = config.macro
        scales = {"scale_write": Out(scale_write_layout(config, tiles))} if config.group_rows else {}
        self._narrow = config.narrow_weights != "none"
        self._part_layout = data.StructLayout(
            {
                "rows": row_bits(config.rows),
                "row_beats": range(config.weight_beats_per_row(config.columns) + 1),
                **({"groups": range(config.groups + 1)} if config.group_rows else {}),
                **({"scale_beats": range(config.scale_beats(config.columns) + 1)} if config.group_rows else {}),
                **({"last": 1} if tiles > 1 else {}),
                **({"narrow": 1} if self._narrow else {}),
            }
        )
        super().__init__(
            {
                "loads": In(stream.Signature(load_layout(config, tiles))),
                "requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "weights": In(stream.Signature(config.weight_bus_bits)),
                "write_enable": Out(tiles * config.grid_rows),
                "write_bank": Out(range(macro.weight_banks)),
                "write_row": Out(range(macro.rows)),
                "write_data": Out(config.columns * macro.weight_bits),
                **scales,
                "loaded": Out(1),
                "released": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Never full: every entry belongs to a bank that has been reserved.
        depth = self.config.macro.weight_banks * self.tiles
        m.submodules.pending = queue = SyncFIFO(width=self._part_layout.size, depth=depth)
        self._request(m, queue)
        self._receive(m, queue)
        return m

    def _request(self, m: Module, queue: SyncFIFO) -> None:
        """Reserve a bank, ask for the parts of its block."""
        cfg, banks = self.config, self.config.macro.weight_banks
        load = self.loads.p
        part = data.View(self._part_layout, queue.w_data)
        free = Signal(range(banks + 1), init=banks)
        requested = Signal()
        rows: Value = load.rows
        columns: Value = load.columns
        address: Value = load.address
        first = last = Const(1)
        if self.tiles > 1:
            # Rows, or columns, and words that the tiles so far have taken.
            taken, words = Signal(16), Signal(ADDRESS_BITS)
            rows_left, columns_left = Signal(len(load.rows)), Signal(16)
            m.d.comb += [rows_left.eq(load.rows - taken), columns_left.eq(load.columns - taken)]
            last = Mux(load.reduce, rows_left <= cfg.rows, columns_left <= cfg.columns)
            rows = Mux(load.reduce, Mux(last, rows_left, cfg.rows), load.rows)
            columns = Mux(load.reduce, load.columns, Mux(last, columns_left, cfg.columns))
            address = load.address + words
            first = taken == 0
            m.d.comb += part.last.eq(last)
            with m.If(requested):
                m.d.sync += [
                    taken.eq(taken + Mux(load.reduce, cfg.rows, cfg.columns)),
                    words.eq(words + self.requests.p.beats),
                ]
                with m.If(last):
                    m.d.sync += [taken.eq(0), words.eq(0)]
        beats = part.rows * part.row_beats
        if cfg.group_rows:
            m.d.comb += [
                part.groups.eq(_words(part.rows, cfg.group_rows)),
                part.scale_beats.eq(_words(columns, cfg.weight_bus_bits // 8)),
            ]
            beats = beats + part.groups * part.scale_beats
        ready = ~first | (free != 0)
        row_beats = _words(columns, cfg.weight_bus_bits // cfg.macro.weight_bits)
        if self._narrow:
            narrow_beats = _words(columns, cfg.weight_bus_bits // cfg.stored_weights(True).bits)
            row_beats = Mux(load.narrow, narrow_beats, row_beats)
            m.d.comb += part.narrow.eq(load.narrow)
        m.d.comb += [
            part.rows.eq(rows),
            part.row_beats.eq(row_beats),
            self.requests.p.address.eq(address),
            self.requests.p.beats.eq(beats),
            self.requests.valid.eq(self.loads.valid & ready),
            self.loads.ready.eq(self.requests.ready & ready & last),
            requested.eq(self.requests.valid & self.requests.ready),
            queue.w_en.eq(requested),
        ]
        m.d.sync += free.eq(free + self.released - (requested & first))

    def _receive(self, m: Module, queue: SyncFIFO) -> None:
        """Assemble rows, write each to its tile in the cycle after its last beat."""
        cfg, macro = self.config, self.config.macro
        part = data.View(self._part_layout, queue.r_data)
        beat = Signal(range(max(2, cfg.weight_beats_per_row(cfg.columns), cfg.scale_beats(cfg.columns))))
        grid_row = Signal(range(cfg.grid_rows))
        macro_row = Signal(range(macro.rows))
        rows_done = Signal(12)
        bank = Signal(range(macro.weight_banks))
        tile = Signal(range(self.tiles)) if self.tiles > 1 else 0
        in_rows = Signal() if cfg.group_rows else Const(1)  # of a part whose scales have come
        row_end, part_end, block_end = Signal(), Signal(), Signal()
        accepted = Signal()
        m.d.comb += [
            self.weights.ready.eq(queue.r_rdy),
            accepted.eq(self.weights.valid & self.weights.ready),
            row_end.eq(accepted & in_rows & (beat == part.row_beats - 1)),
            part_end.eq(row_end & (rows_done == part.rows - 1)),
            block_end.eq(part_end & part.last if self.tiles > 1 else part_end),
            queue.r_en.eq(part_end),
            self.loaded.eq(block_end),
        ]
        m.d.sync += self.write_enable.eq(0)
        with m.If(accepted):
            m.d.sync += beat.eq(beat + 1)
        wide = accepted & in_rows
        if self._narrow:
            widened = self._widened(m)
            with m.If(wide & part.narrow):
                m.d.sync += self.write_data.word_select(beat, len(widened)).eq(widened)
            wide &= ~part.narrow
        with m.If(wide):
            m.d.sync += self.write_data.word_select(beat, cfg.weight_bus_bits).eq(self.weights.p)
        if cfg.group_rows:
            self._receive_scales(m, part, accepted & ~in_rows, beat, bank, tile, in_rows)
        with m.If(row_end):
            m.d.sync += [
                self.write_enable.word_select(tile, cfg.grid_rows).eq(1 << grid_row),
                self.write_row.eq(macro_row),
                self.write_bank.eq(bank),
                beat.eq(0),
                rows_done.eq(rows_done + 1),
                macro_row.eq(macro_row + 1),
            ]
            with m.If(macro_row == macro.rows - 1):
                m.d.sync += [macro_row.eq(0), grid_row.eq(grid_row + 1)]
        with m.If(part_end):
            m.d.sync += [macro_row.eq(0), grid_row.eq(0), rows_done.eq(0)]
            if cfg.group_rows:
                m.d.sync += in_rows.eq(0)
            if self.tiles > 1:
                m.d.sync += tile.eq(Mux(block_end, 0, tile + 1))  # type: ignore[union-attr]
        with m.If(block_end):
            m.d.sync += bank.eq(bank + 1)
            with m.If(bank == macro.weight_banks - 1):
                m.d.sync += bank.eq(0)

    def _widened(self, m: Module) -> Value:
        """Return the narrow weights of a beat as integers of the macro's bits."""
        narrow, bits = self.config.stored_weights(True), self.config.macro.weight_bits
        integers = []
        for index in range(self.config.weight_bus_bits // narrow.bits):
            code = self.weights.p.word_select(index, narrow.bits)
            number = decode_e2m1(m, code, f"narrow{index}") if narrow == stored.FP4_E2M1 else code
            integer = Signal(bits, name=f"widened{index}")
            m.d.comb += integer.eq(number.as_signed())
            integers.append(integer)
        return Cat(integers)

    def _receive_scales(
        self,
        m: Module,
        part: data.View,
        accepted: Value,
        beat: Signal,
        bank: Signal,
        tile: Signal | int,
        in_rows: Signal,
    ) -> None:
        """Write the scales at the start of each part, word by word, each in the cycle after it came."""
        groups = self.config.groups
        write = self.scale_write
        group = Signal(range(groups + 1))
        m.d.sync += write.enable.eq(0)
        with m.If(accepted):
            m.d.sync += [
                write.enable.word_select(tile, groups).eq(1 << group),
                write.bank.eq(bank),
                write.word.eq(beat),
                write.data.eq(self.weights.p),
            ]
            with m.If(beat == part.scale_beats - 1):
                m.d.sync += [beat.eq(0), group.eq(group + 1)]
                with m.If(group == part.groups - 1):
                    m.d.sync += [group.eq(0), in_rows.eq(1)]


def _words(elements: Value, per_word: int) -> Value:
    """Return the number of words that hold a number of elements, where the elements of a word are a power of two."""
    return (elements + (per_word - 1)) >> (per_word.bit_length() - 1)
