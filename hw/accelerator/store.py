"""The store unit: elements of the scratchpad, gathered into rows of memory."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import entry_layout, row_bytes
from tilewright.hw.accelerator.scratchpad import read_layout
from tilewright.hw.bus.axi import forward, write_master_members
from tilewright.hw.bus.write_master import WriteMaster
from tilewright.hw.layout import view
from tilewright.hw.pipeline import delay
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Store
from tilewright.sim.isa.depths import STORE_BEATS
from tilewright.sim.isa.widths import COUNT_BITS


class StoreUnit(wiring.Component):
    """Reads an element in each cycle, gathers elements into beats, and writes each row as a transfer.

    Latency: the first element is read, and the first row asked for, in the cycle after the command began; a beat can be
    sent two cycles after its last element was read; ``done`` is in the cycle of the last response. Throughput: an
    element a cycle; commands do not overlap.

    Members
    -------
    begin : In(stream)
        A command.
    read, data : Out(read_layout), In
        Reads of the scratchpad.
    done : Out(1)
        All is written.
    failed : Out(1)
        Memory answered with an error.
    stop : In(1), idle : Out(1)
        See :class:`WriteMaster`.
    m_axi_aw..., m_axi_w..., m_axi_b... : Out, In
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        bus: dict[str, Any] = {"address_bits": config.address_bits, "data_bits": config.bus_bits}
        self._bus = write_master_members(**bus)
        self._master = WriteMaster(**bus, outstanding=config.outstanding, max_burst=config.burst_beats)
        super().__init__(
            {
                "begin": In(stream.Signature(entry_layout(config))),
                "read": Out(read_layout(config)),
                "data": In(config.vector.word_bits),
                "done": Out(1),
                "failed": Out(1),
                "stop": In(1),
                "idle": Out(1),
                **self._bus,
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.master = master = self._master
        forward(m, self._bus, master, self)
        command = Signal.like(self.begin.p.command)
        address = Signal(self.config.address_bits)
        store = view(command, Store.FIELDS)
        begins, busy = Signal(), Signal()
        m.d.comb += [
            self.begin.ready.eq(~busy),
            begins.eq(self.begin.valid & self.begin.ready),
            master.stop.eq(self.stop),
            self.idle.eq(master.idle),
        ]
        with m.If(begins):
            m.d.sync += [command.eq(self.begin.p.command), address.eq(self.begin.p.address), busy.eq(1)]
        with m.Elif(self.done):
            m.d.sync += busy.eq(0)
        self._rows(m, store, address, begins, busy)
        self._elements(m, store, address, begins)
        return m

    def _rows(self, m: Module, store: dict[str, Value], address: Value, begins: Value, busy: Value) -> None:
        """Ask for each row, and count those that are written."""
        master, bits = self._master, self.config.address_bits
        asking = Signal()
        place, plane = Signal(bits), Signal(bits)
        row, plane_index = Signal(COUNT_BITS), Signal(COUNT_BITS)
        shift = (self.config.bus_bytes - 1).bit_length()
        length = Signal(32)
        last_row, last_plane, asked = Signal(), Signal(), Signal()
        m.d.comb += [
            length.eq(row_bytes(store) + place[:shift] + (self.config.bus_bytes - 1)),
            master.requests.valid.eq(asking),
            master.requests.p.address.eq(Cat(Const(0, shift), place[shift:])),
            master.requests.p.beats.eq(length >> shift),
            asked.eq(master.requests.valid & master.requests.ready),
            last_row.eq(row == store["rows"] - 1),
            last_plane.eq(plane_index == store["planes"] - 1),
        ]
        with m.If(begins):
            m.d.sync += [
                asking.eq(1), row.eq(0), plane_index.eq(0), place.eq(self.begin.p.address),
                plane.eq(self.begin.p.address),
            ]  # fmt: skip
        with m.Elif(asked):
            m.d.sync += [row.eq(row + 1), place.eq(place + store["stride"])]
            with m.If(last_row):
                next_plane = plane + store["plane_stride"]
                m.d.sync += [
                    row.eq(0), plane_index.eq(plane_index + 1), place.eq(next_plane), plane.eq(next_plane),
                    asking.eq(~last_plane),
                ]  # fmt: skip
        written, planes_written = Signal(COUNT_BITS), Signal(COUNT_BITS)
        with m.If(begins):
            m.d.sync += [written.eq(0), planes_written.eq(0)]
        with m.Elif(master.done):
            m.d.sync += written.eq(written + 1)
            with m.If(written == store["rows"] - 1):
                m.d.sync += [written.eq(0), planes_written.eq(planes_written + 1)]
        m.d.comb += [
            self.done.eq(busy & master.done & (written == store["rows"] - 1) & (planes_written == store["planes"] - 1)),
            self.failed.eq(busy & master.error.any()),
        ]

    def _elements(self, m: Module, store: dict[str, Value], address: Value, begins: Value) -> None:
        """Read elements, and put them together."""
        config, master = self.config, self._master
        beat_bits = (config.bus_bytes - 1).bit_length()
        word_bits, bank_bits = (config.word_bytes - 1).bit_length(), (config.bank_bytes - 1).bit_length()
        new = view(self.begin.p.command, Store.FIELDS)
        reading, reads = Signal(), Signal()
        element, row, plane = (Signal(16, name=name) for name in ("element", "row", "plane"))
        from_row, from_plane, source = (Signal(32, name=name) for name in ("from_row", "from_plane", "source"))
        to_row, to_plane = (Signal(config.address_bits, name=name) for name in ("to_row", "to_plane"))
        offset = Signal(beat_bits + 1)  # of the element in its beat, in half bytes
        first, ends = Signal(init=1), Signal()  # element of a beat
        last_element, last_row, last_plane = (Signal(name=f"last_{name}") for name in ("element", "row", "plane"))
        size = Signal(beat_bits + 2)  # of an element, in half bytes
        opened = Signal(range(STORE_BEATS + 1))  # beats that are begun and not sent
        sent = Signal()
        m.d.comb += [
            size.eq(Mux(store["packed"], 1, 2 << store["size"][: beat_bits.bit_length()])),
            last_element.eq(element == store["count"] - 1),
            last_row.eq(row == store["rows"] - 1),
            last_plane.eq(plane == store["planes"] - 1),
            ends.eq(last_element | ((offset + size) == 2 * config.bus_bytes)),
            reads.eq(reading & (~first | (opened != STORE_BEATS))),
            sent.eq(master.words.valid & master.words.ready),
        ]
        m.d.sync += opened.eq(opened + (reads & first) - sent)
        next_row, next_plane = to_row + store["stride"], to_plane + store["plane_stride"]
        with m.If(begins):
            m.d.sync += [
                reading.eq(1), element.eq(0), row.eq(0), plane.eq(0), first.eq(1),
                source.eq(new["source"]), from_row.eq(new["source"]), from_plane.eq(new["source"]),
                to_row.eq(self.begin.p.address), to_plane.eq(self.begin.p.address),
                offset.eq(self.begin.p.address << 1),
            ]  # fmt: skip
        with m.Elif(reads):
            m.d.sync += [
                element.eq(element + 1),
                source.eq(source + store["element_pitch"]),
                offset.eq(offset + size),
                first.eq(ends),
            ]
            with m.If(last_element):
                down = from_row + store["pitch"]
                m.d.sync += [
                    element.eq(0), row.eq(row + 1), source.eq(down), from_row.eq(down), to_row.eq(next_row),
                    offset.eq(next_row << 1),
                ]  # fmt: skip
                with m.If(last_row):
                    down = from_plane + store["plane_pitch"]
                    m.d.sync += [
                        row.eq(0), plane.eq(plane + 1), source.eq(down), from_row.eq(down), from_plane.eq(down),
                        to_row.eq(next_plane), to_plane.eq(next_plane), offset.eq(next_plane << 1),
                        reading.eq(~last_plane),
                    ]  # fmt: skip
        m.d.comb += [
            self.read.enable.eq(reads),
            self.read.address.eq(source[word_bits:bank_bits]),
        ]
        bank = Signal.like(self.read.bank)
        with m.If(begins):
            m.d.sync += bank.eq(new["source"][bank_bits:])
        m.d.comb += self.read.bank.eq(bank)

        # In the next cycle the element is here.
        came, begun, ended = (
            delay(m, value, name) for value, name in ((reads, "came"), (first, "begun"), (ends, "ended"))
        )
        where, place = delay(m, source[:word_bits], "where"), delay(m, offset, "place")
        value, strobe, bits = Signal(config.bus_bits), Signal(config.bus_bytes), Signal(config.bus_bits)
        nibble = Const(0xF, config.bus_bits) << (place << 2)
        with m.Switch(store["size"]):
            for step in range(beat_bits + 1):
                bytes_ = 1 << step
                with m.Case(step):
                    part: Value = self.data
                    if bytes_ < config.word_bytes:
                        part = self.data.word_select(where[step:], 8 * bytes_)
                    m.d.comb += [
                        value.eq(part.replicate(config.bus_bytes // bytes_)),
                        strobe.eq(Const((1 << bytes_) - 1, config.bus_bytes) << place[1:]),
                        bits.eq(Cat(bit.replicate(8) for bit in strobe)),
                    ]
        with m.If(store["packed"]):
            code = self.data.word_select(where, 8)[:4]
            m.d.comb += [value.eq(code.replicate(config.bus_bits // 4)), bits.eq(nibble)]
        gathered = Signal(data.StructLayout({"data": config.bus_bits, "strobe": config.bus_bytes}))
        before = Signal.like(gathered, name="before")
        m.d.comb += [
            gathered.data.eq(Mux(begun, 0, before.data) & ~bits | (value & bits)),
            gathered.strobe.eq(Mux(begun, 0, before.strobe) | strobe),
        ]
        with m.If(came):
            m.d.sync += before.eq(gathered)
        # Never full: so many beats are begun.
        m.submodules.words = words = SyncFIFO(width=len(gathered.as_value()), depth=STORE_BEATS)
        m.d.comb += [
            words.w_data.eq(gathered.as_value()),
            words.w_en.eq(came & ended),
            master.words.p.as_value().eq(words.r_data),
            master.words.valid.eq(words.r_rdy),
            words.r_en.eq(sent),
        ]
