"""The load unit: rows of memory into the scratchpad, and weights into their buffer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import entry_layout
from tilewright.hw.accelerator.scratchpad import write_layout
from tilewright.hw.layout import view
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Load, Opcode
from tilewright.sim.isa.depths import LOADS
from tilewright.sim.isa.widths import PAGE_BYTES


class LoadUnit(wiring.Component):
    """Requests the bursts of a command and writes their beats to the scratchpad or the weight buffer.

    A burst has the beats left of a row, at most ``burst_beats``, and ends at a page. Bursts of weights are asked for
    when the buffer has room for them: beats never wait.

    Latency: the first burst is offered in the cycle after the command began; weights can be taken two cycles after they
    came; ``done`` is in the cycle of the last beat. Throughput: a burst and a beat a cycle; between commands a cycle
    without a burst.

    Members
    -------
    begin : In(stream)
        A command.
    burst_valid, burst_address, burst_length, burst_weights, burst_ready : Out, ..., In
        Bursts for the reader.
    load_valid, weights_valid, beat_data, beat_error : In
        A beat has come, of either kind.
    write : Out(write_layout)
        Writes to the scratchpad.
    weights : Out(stream)
        Weights for the array, if there is one.
    full : Out(1)
        There are weights in the buffer, or on their way to it.
    done, failed : Out(1)
        The oldest command has its last beat; one of its beats was answered with an error.
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "begin": In(stream.Signature(entry_layout(config))),
                "burst_valid": Out(1),
                "burst_address": Out(config.address_bits),
                "burst_length": Out(8),
                "burst_weights": Out(1),
                "burst_ready": In(1),
                "load_valid": In(1),
                "weights_valid": In(1),
                "beat_data": In(config.bus_bits),
                "beat_error": In(2),
                "write": Out(write_layout(config)),
                **({"weights": Out(stream.Signature(config.bus_bits))} if config.cim is not None else {}),
                "full": Out(1),
                "done": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        begins, under_way = Signal(), Signal(range(LOADS + 1))
        asking = Signal()
        m.d.comb += [
            self.begin.ready.eq(~asking & (under_way != LOADS)),
            begins.eq(self.begin.valid & self.begin.ready),
        ]
        m.d.sync += under_way.eq(under_way + begins - self.done)
        self._ask(m, begins, asking)
        self._receive(m, begins)

        if config.cim is None:
            return m
        m.submodules.buffer = buffer = SyncFIFOBuffered(width=config.bus_bits, depth=config.weight_buffer_beats)
        m.d.comb += [
            buffer.w_data.eq(self.beat_data),
            buffer.w_en.eq(self.weights_valid),
            self.weights.p.eq(buffer.r_data),
            self.weights.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(self.weights.valid & self.weights.ready),
        ]
        return m

    def _ask(self, m: Module, begins: Value, asking: Signal) -> None:
        """Offer bursts, row by row."""
        config = self.config
        beat, bits = config.bus_bytes, config.address_bits
        new = view(self.begin.p.command, Load.FIELDS)
        stride, plane_stride, weights = Signal(32), Signal(32), Signal()
        beats, rows, rows_left, planes_left, left = (
            Signal(16, name=name) for name in ("beats", "rows", "rows_left", "planes_left", "left")
        )
        address, row, plane = (Signal(bits, name=name) for name in ("address", "row", "plane"))
        shift = (beat - 1).bit_length()
        page_beats = PAGE_BYTES // beat
        in_page, room, taken = (
            Signal(range(page_beats + 1), name="in_page"),
            Signal(range(page_beats + 1), name="room"),
            Signal(range(page_beats + 1), name="taken"),
        )
        row_ends, asked = Signal(), Signal()
        next_row, next_plane = Signal(bits), Signal(bits)
        credit = Signal(range(config.weight_buffer_beats + 1), init=config.weight_buffer_beats)
        place: Value = address[shift : (PAGE_BYTES - 1).bit_length()]
        longest = config.burst_beats
        m.d.comb += [
            in_page.eq(page_beats - place),
            room.eq(Mux(in_page > longest, longest, in_page)),
            row_ends.eq(left <= room),
            taken.eq(Mux(row_ends, left, room)),
            self.burst_valid.eq(asking & (~weights | (credit >= taken))),
            self.burst_address.eq(address),
            self.burst_length.eq(taken - 1),
            self.burst_weights.eq(weights),
            asked.eq(self.burst_valid & self.burst_ready),
            next_row.eq(row + stride),
            next_plane.eq(plane + plane_stride),
            self.full.eq(credit != config.weight_buffer_beats),
        ]
        popped: Value = Const(0, 1)
        if config.cim is not None:
            popped = self.weights.valid & self.weights.ready
        m.d.sync += credit.eq(credit + popped - Mux(asked & weights, taken, 0))
        with m.If(begins):
            m.d.sync += [
                asking.eq(1),
                weights.eq(self.begin.p.command[:8] == Opcode.WEIGHTS),
                *(
                    target.eq(new[name])
                    for target, name in (
                        (stride, "stride"),
                        (plane_stride, "plane_stride"),
                        (beats, "beats"),
                        (left, "beats"),
                        (rows, "rows"),
                        (rows_left, "rows"),
                        (planes_left, "planes"),
                    )
                ),
                *(target.eq(self.begin.p.address) for target in (address, row, plane)),
            ]
        with m.Elif(asked):
            m.d.sync += [left.eq(left - taken), address.eq(address + (taken << shift))]
            with m.If(row_ends):
                m.d.sync += [left.eq(beats), rows_left.eq(rows_left - 1), row.eq(next_row), address.eq(next_row)]
                with m.If(rows_left == 1):
                    m.d.sync += [
                        rows_left.eq(rows),
                        planes_left.eq(planes_left - 1),
                        plane.eq(next_plane),
                        row.eq(next_plane),
                        address.eq(next_plane),
                        asking.eq(planes_left != 1),
                    ]

    def _receive(self, m: Module, begins: Value) -> None:
        """Count the beats of the oldest command, and write those that are not weights."""
        config = self.config
        new = view(self.begin.p.command, Load.FIELDS)
        layout = data.StructLayout(
            {"beats": 16, "rows": 16, "planes": 16, "destination": 32, "pitch": 32}
        )  # fmt: skip
        m.submodules.coming = coming = SyncFIFO(width=layout.size, depth=LOADS)
        entry, oldest = data.View(layout, coming.w_data), data.View(layout, coming.r_data)
        m.d.comb += [entry[name].eq(new[name]) for name in layout.members]
        beat, row, plane = (Signal(16, name=name) for name in ("beat", "row", "plane"))
        below = Signal(32)  # of the row, from the first one
        came, row_ends, plane_ends = Signal(), Signal(), Signal()
        place = Signal(32)
        shift = (config.bus_bytes - 1).bit_length()
        m.d.comb += [
            coming.w_en.eq(begins),
            coming.r_en.eq(self.done),
            came.eq(self.load_valid | self.weights_valid),
            row_ends.eq(came & (beat == oldest.beats - 1)),
            plane_ends.eq(row_ends & (row == oldest.rows - 1)),
            self.done.eq(plane_ends & (plane == oldest.planes - 1)),
            self.failed.eq(came & self.beat_error.any()),
            place.eq(oldest.destination + below + (beat << shift)),
        ]
        with m.If(came):
            m.d.sync += beat.eq(beat + 1)
        with m.If(row_ends):
            m.d.sync += [beat.eq(0), row.eq(row + 1), below.eq(below + oldest.pitch)]
        with m.If(plane_ends):
            m.d.sync += [row.eq(0), plane.eq(plane + 1)]
        with m.If(self.done):
            m.d.sync += [plane.eq(0), below.eq(0)]

        word, bank = (config.word_bytes - 1).bit_length(), (config.bank_bytes - 1).bit_length()
        part = place[shift:word]
        parts = config.word_bytes // config.bus_bytes
        m.d.comb += [
            self.write.enable.eq(self.load_valid),
            self.write.bank.eq(place[bank : bank + config.banks.bit_length() - 1]),
            self.write.address.eq(place[word:bank]),
            self.write.data.eq(self.beat_data.replicate(parts)),
            self.write.mask.eq(Cat((part == index).replicate(config.bus_bytes) for index in range(parts))),
        ]
