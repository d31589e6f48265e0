"""Writes results to memory, one line of an output tile at a time."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.descriptor import SIZE_BITS, is_wide, job_layout, mode_bits, scaled
from tilewright.hw.npe.drain import element_layout
from tilewright.hw.npe.epilogue import RESULT_BITS
from tilewright.hw.npe.loader import chunk_layout
from tilewright.hw.states import name_states
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.depths import OUTPUT_SLOTS
from tilewright.sim.isa.widths import RECORD_BYTES


class Store(wiring.Component):
    """Keeps the codes of ``OUTPUT_SLOTS`` tiles and writes them, then the reductions of row blocks that are complete.

    A line is a row of the tile, or a column if C is transposed: a cycle to read it, one or more until the request is
    taken, then a beat a cycle. A record of reductions, one for each row, is a line, too.

    Members
    -------
    start : In(1)
        Begins the job in the next cycle.
    job : In
    tile_ends, chunk : In
        The feeder has sent the last word of a tile; its chunk.
    code_valid, element, code : In
        A result, up to 32 bits, and those in the rows that follow; which of them there are.
    panel, row : Out
        Row whose reductions are read.
    sum, squares, maximum : In(32)
        The reductions of this row.
    requests, words : Out(stream)
        Requests and words for the write master.
    slot_released, records_stored : Out(1)
        Signals for the drain.
    finished : Out(1)
        The last line of the job has been given away.
    """

    RECORDS_AFTER = 6
    """Cycles from the code of a tile's last element to the first record; a line and the record are read in between."""

    def __init__(self, config: NpeConfig):
        self.config = config
        request = data.StructLayout({"address": config.address_bits, "beats": 16})
        word = data.StructLayout({"data": config.bus_bits, "strobe": config.bus_bytes})
        super().__init__(
            {
                "start": In(1),
                "job": In(job_layout(config)),
                "tile_ends": In(1),
                "chunk": In(chunk_layout(config)),
                "code_valid": In(config.results_per_cycle),
                "element": In(element_layout(config)),
                "code": In(data.ArrayLayout(RESULT_BITS, config.results_per_cycle)),
                "panel": Out(range(config.panels)),
                "row": Out(range(config.rows)),
                "sum": In(32),
                "squares": In(32),
                "maximum": In(32),
                "requests": Out(stream.Signature(request)),
                "words": Out(stream.Signature(word)),
                "slot_released": Out(1),
                "records_stored": Out(1),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, d, job = self.config, self.job.descriptor, self.job
        bus, bits = config.bus_bytes, config.address_bits
        longest = max(config.rows, config.columns)

        # A tile is in the array, one in each slot: no more can be waiting here.
        layout = chunk_layout(config)
        m.submodules.tiles = tiles = SyncFIFO(width=layout.size, depth=OUTPUT_SLOTS + 2)
        m.d.comb += [tiles.w_data.eq(self.chunk), tiles.w_en.eq(self.tile_ends)]
        chunk = data.View(layout, tiles.r_data)
        tile = chunk.tile

        element = self.element
        read_ports = []
        # Results of the same cycle go to memories of their own, which a line is read from together.
        for i in range(config.results_per_cycle):
            memory = Memory(shape=RESULT_BITS * longest, depth=OUTPUT_SLOTS * longest, init=[])
            m.submodules[f"lines{i}"] = memory
            write_port, read_port = memory.write_port(granularity=RESULT_BITS), memory.read_port()
            row = element.row | i
            line_in, place_in = Mux(d.transpose, element.column, row), Mux(d.transpose, row, element.column)
            m.d.comb += [
                write_port.addr.eq(element.slot * longest + line_in),
                write_port.data.eq(self.code[i].replicate(longest)),
                write_port.en.eq(self.code_valid[i] << place_in),
            ]
            read_ports.append(read_port)
        filled = Signal(range(OUTPUT_SLOTS + 1))
        m.d.sync += filled.eq(filled + (self.code_valid[0] & element.last) - self.slot_released)

        # The line being written, and its first byte.
        slot, line = Signal(range(OUTPUT_SLOTS)), Signal(range(longest))
        lines, places = Signal(range(longest + 1)), Signal(range(longest + 1))
        m.d.comb += [
            lines.eq(Mux(d.transpose, tile.columns, tile.rows)),
            places.eq(Mux(d.transpose, tile.rows, tile.columns)),
            *(read_port.addr.eq(slot * longest + line) for read_port in read_ports),
            self.row.eq(line),
            self.panel.eq(tile.panel),
        ]
        block, next_line, block_next = Signal(bits), Signal(bits), Signal(bits)
        line_begin, before, address = Signal(bits), Signal(bits), Signal(bits)
        elements_before, wide = Signal(SIZE_BITS, name="elements_before"), Signal(name="is_wide")
        in_records = Signal()
        record_address = Signal(bits)
        m.d.comb += [
            line_begin.eq(Mux(line == 0, block, next_line)),
            wide.eq(is_wide(d.out_format)),
            elements_before.eq(Mux(d.transpose, tile.row, tile.column)),
            before.eq(Mux(wide, elements_before << 2, scaled(elements_before, d.out_format) >> 1)),
            record_address.eq(d.reductions + ((tile.row + line) << 4)),
            address.eq(Mux(in_records, record_address, line_begin + before)),
        ]

        content, length = self._content(m, self._line(m, read_ports, line), places, wide, in_records)
        beat_bits = (bus - 1).bit_length()
        offset = address[:beat_bits]
        most = max(RESULT_BITS * longest, 8 * RECORD_BYTES, config.bus_bits)
        # Blocks begin at multiples of their size: either in a beat, or with one.
        strobes = Signal(most // 8)
        m.d.comb += strobes.eq((Const(1) << length) - 1)
        shifted, shifted_strobes = Signal(most), Signal(most // 8)
        m.d.comb += [shifted.eq(content << (offset << 3)), shifted_strobes.eq(strobes << offset)]
        beat = Signal(range(most // config.bus_bits + 1))
        beats = Signal(range(most // config.bus_bits + 1))
        m.d.comb += [
            beats.eq((length + (bus - 1)) >> beat_bits),
            self.requests.p.address.eq(Cat(Const(0, beat_bits), address[beat_bits:])),
            self.requests.p.beats.eq(beats),
            self.words.p.data.eq(
                shifted.word_select(beat[: (most // config.bus_bits - 1).bit_length()], config.bus_bits)
            ),
            self.words.p.strobe.eq(
                shifted_strobes.word_select(beat[: (most // config.bus_bits - 1).bit_length()], bus)
            ),
        ]

        line_ends, tile_ends, records_follow = Signal(), Signal(), Signal()
        m.d.comb += [
            records_follow.eq(job.reductions_on & tile.last_columns),
            line_ends.eq(self.words.valid & self.words.ready & (beat + 1 == beats)),
            tile_ends.eq(line_ends & (line + 1 == Mux(in_records, tile.rows, lines))),
            self.slot_released.eq(tile_ends & ~in_records),
            self.records_stored.eq(tile_ends & in_records),
            tiles.r_en.eq(tile_ends & (in_records | ~records_follow)),
            self.finished.eq(tiles.r_en & chunk.final),
        ]
        with m.FSM() as fsm:
            with m.State("READ"), m.If(in_records | filled.any()):
                m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += self.requests.valid.eq(1)
                m.d.sync += beat.eq(0)
                with m.If(self.requests.ready):
                    m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += self.words.valid.eq(1)
                with m.If(self.words.ready):
                    m.d.sync += beat.eq(beat + 1)
                with m.If(line_ends):
                    m.next = "READ"
        name_states(fsm)
        with m.If(line_ends):
            m.d.sync += [line.eq(Mux(tile_ends, 0, line + 1)), next_line.eq(line_begin + d.c_stride)]
        with m.If(tile_ends):
            m.d.sync += in_records.eq(~in_records & records_follow)
        with m.If(self.slot_released):
            m.d.sync += slot.eq(slot + 1)
            self._next_block(m, tile, block, line_begin + d.c_stride, block_next)
        with m.If(self.start):
            m.d.sync += [block.eq(d.c), block_next.eq(d.c)]
        return m

    def _next_block(self, m: Module, tile, block: Signal, end: Value, group: Signal) -> None:
        """Set the addresses at which the lines of the next tile begin; ``end`` is where those of this tile end.

        Row blocks of a group follow one another, and come again for the next columns, when ``group`` is where they
        begin. Transposed, a tile's lines are its columns, which the row blocks of a group share.
        """
        d = self.job.descriptor
        with m.If(d.transpose & tile.last_panel):
            m.d.sync += block.eq(Mux(tile.last_columns, d.c, end))
        with m.Elif(d.transpose):
            pass
        with m.Elif(~tile.last_panel):
            m.d.sync += block.eq(end)
        with m.Elif(~tile.last_columns):
            m.d.sync += block.eq(group)
        with m.Else():
            m.d.sync += [block.eq(end), group.eq(end)]

    def _line(self, m: Module, read_ports: list, line: Value) -> Value:
        """Return the line that has been read: a memory has every so many rows."""
        count = len(read_ports)
        words = data.ArrayLayout(RESULT_BITS, len(read_ports[0].data) // RESULT_BITS)
        lines = [data.View(words, port.data) for port in read_ports]
        mine = Array(port.data for port in read_ports)[line[: (count - 1).bit_length()]]
        result = Signal(words, name="line_read")
        m.d.comb += result.eq(mine)
        with m.If(self.job.descriptor.transpose):
            m.d.comb += [result[place].eq(lines[place % count][place]) for place in range(words.length)]
        return result.as_value()

    def _content(self, m: Module, line: Value, places: Value, wide: Value, in_records: Value) -> tuple[Value, Value]:
        """Return a line without gaps between its elements, or a record of reductions, and its bytes."""
        d = self.job.descriptor
        longest = len(line) // RESULT_BITS
        eight, sixteen = mode_bits(d.out_format)
        codes = [line.word_select(i, RESULT_BITS) & (places > i).replicate(RESULT_BITS) for i in range(longest)]
        record = Cat(
            self.sum & d.sum.replicate(32),
            self.squares & d.squares.replicate(32),
            self.maximum & d.maximum.replicate(32),
            Const(0, 32),
        )
        content = Signal(max(RESULT_BITS * longest, len(record)))
        length = Signal(range(max(RESULT_BITS // 8 * longest, RECORD_BYTES) + 1))
        with m.If(in_records):
            m.d.comb += [content.eq(record), length.eq(RECORD_BYTES)]
        with m.Elif(wide):
            m.d.comb += [content.eq(Cat(*codes)), length.eq(places << 2)]
        with m.Elif(sixteen):
            m.d.comb += [content.eq(Cat(code[:16] for code in codes)), length.eq(places << 1)]
        with m.Elif(eight):
            m.d.comb += [content.eq(Cat(code[:8] for code in codes)), length.eq(places)]
        with m.Else():
            m.d.comb += [content.eq(Cat(code[:4] for code in codes)), length.eq((places + 1) >> 1)]
        return content, length
