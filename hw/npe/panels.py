"""Operands on chip: one bank for each row or column of the array."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.loader import Kind
from tilewright.hw.npe.receiver import write_layout
from tilewright.sim.config.npe import NpeConfig


class Panels(wiring.Component):
    """Banks that are written one beat at a time and read one 16-bit word at a time, all at the same address.

    Parameters
    ----------
    config : NpeConfig
    kind : Kind
        ``A`` or ``B``: which writes are meant.
    banks : int
        Rows or columns of the array.
    slots : int
        Panels of ``depth`` beats in each bank.
    striped : bool
        Whether a single row may lie in several banks, one after the other.

    Members
    -------
    write : In
        See :func:`.receiver.write_layout`.
    enable, address, select : In
        Reads word ``select`` of a beat.
    bank : In
        With ``striped``: the bank of the first word.
    words : Out
        A word of each bank, ``LATENCY`` cycles later; bank 0, or ``bank``, lowest.
    """

    LATENCY = 2

    def __init__(self, config: NpeConfig, kind: Kind, banks: int, slots: int, *, striped: bool = False):
        self.config, self.kind, self.banks, self.slots, self.striped = config, kind, banks, slots, striped
        super().__init__(
            {
                "write": In(write_layout(config)),
                "enable": In(1),
                "address": In(range(slots * config.depth)),
                "select": In(range(config.words_per_beat)),
                **({"bank": In(range(banks))} if striped else {}),
                "words": Out(16 * banks),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, write = self.config, self.write
        # A beat is read once, with its first word, and stays at the memory's output.
        select, reads = Signal(range(config.words_per_beat)), Signal()
        m.d.comb += reads.eq(self.enable & (self.select == 0))
        enabled = Signal()
        m.d.sync += enabled.eq(self.enable)
        with m.If(self.enable):
            m.d.sync += select.eq(self.select)
        selected = []
        for bank in range(self.banks):
            memory = Memory(shape=config.bus_bits, depth=self.slots * config.depth, init=[])
            m.submodules[f"bank{bank}"] = memory
            write_port, read_port = memory.write_port(), memory.read_port()
            m.d.comb += [
                write_port.en.eq(write.enable & (write.entry.kind == self.kind) & (write.entry.bank == bank)),
                write_port.addr.eq(write.entry.base + write.number),
                write_port.data.eq(write.data),
                read_port.addr.eq(self.address),
                read_port.en.eq(reads),
            ]
            own = Signal(16, name=f"selected{bank}")
            m.d.comb += own.eq(read_port.data.word_select(select, 16))
            selected.append(own)
        if self.striped:
            first = Signal(range(self.banks))
            with m.If(self.enable):
                m.d.sync += first.eq(self.bank)
            selected[0] = Array(selected)[first]
        for bank, own in enumerate(selected):
            word = Signal(16, name=f"word{bank}")
            with m.If(enabled):
                m.d.sync += word.eq(own)
            m.d.comb += self.words.word_select(bank, 16).eq(word)
        return m


class Parameters(wiring.Component):
    """Scales, biases and residuals of the next output tiles; those of ``results_per_cycle`` rows are read in every
    cycle.

    Members
    -------
    write : In
        See :func:`.receiver.write_layout`.
    slot, row, column : In
        The element of a tile in the first of the rows, a multiple of their number.
    scale_by_row, bias_by_row : In(1)
        The parameter is by row; otherwise by column.
    residual_eight, residual_sixteen : In(1)
        Width of the residual's elements; else 4.
    scale, bias, residual : Out
        Those of the element and of the elements in the rows that follow, ``LATENCY`` cycles later.
    """

    LATENCY = 2

    def __init__(self, config: NpeConfig, slots: int):
        self.config, self.slots = config, slots
        super().__init__(
            {
                "write": In(write_layout(config)),
                "slot": In(range(slots)),
                "row": In(range(config.rows)),
                "column": In(range(config.columns)),
                "scale_by_row": In(1),
                "bias_by_row": In(1),
                "residual_eight": In(1),
                "residual_sixteen": In(1),
                "scale": Out(data.ArrayLayout(32, config.results_per_cycle)),
                "bias": Out(data.ArrayLayout(32, config.results_per_cycle)),
                "residual": Out(data.ArrayLayout(16, config.results_per_cycle)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, slots, count = self.config, self.slots, self.config.results_per_cycle
        shift = (count - 1).bit_length()
        row, column = Signal.like(self.row), Signal.like(self.column)
        m.d.sync += [row.eq(self.row), column.eq(self.column)]
        longest = max(config.rows, config.columns)
        for name, kind, by_row in (
            ("scale", Kind.SCALE, self.scale_by_row),
            ("bias", Kind.BIAS, self.bias_by_row),
        ):
            line = self._lines(m, name, kind, 32 * longest, slots, self.slot)
            for i in range(count):
                index = Signal(range(longest), name=f"{name}_index{i}")
                m.d.comb += index.eq(Mux(by_row, row | i, column))
                m.d.sync += getattr(self, name)[i].eq(line.word_select(index, 32))
        rows = config.rows // count
        for i in range(count):
            line = self._lines(
                m, f"residual{i}", Kind.RESIDUAL, 16 * config.columns, slots * rows,
                self.slot * rows + (self.row >> shift), every=(count, i),
            )  # fmt: skip
            m.d.sync += self.residual[i].eq(
                Mux(
                    self.residual_sixteen,
                    line.word_select(column, 16),
                    Mux(self.residual_eight, line.word_select(column, 8), line.word_select(column, 4)),
                )
            )
        return m

    def _lines(
        self, m: Module, name: str, kind: Kind, bits: int, depth: int, address, *, every: tuple[int, int] = (1, 0)
    ):
        """Add a memory of lines to which blocks are written; return the line at an address one cycle later.

        A block begins at a multiple of its size: it is a part of a beat, or some whole beats. The memory has every
        ``every[0]``-th line, the first of them is ``every[1]``.
        """
        count, own = every
        shift = (count - 1).bit_length()
        config, write = self.config, self.write
        width = max(bits, config.bus_bits)
        memory = Memory(shape=width, depth=depth, init=[])
        m.submodules[name] = memory
        write_port, read_port = memory.write_port(granularity=config.bus_bits), memory.read_port()
        beat = write.data >> (write.entry.offset << 3)
        m.d.comb += [
            write_port.en.eq(
                (write.enable & (write.entry.kind == kind) & (write.entry.base[:shift] == own))
                << write.number[: (width // config.bus_bits - 1).bit_length()]
            ),
            write_port.addr.eq(write.entry.base >> shift),
            write_port.data.eq(beat[: config.bus_bits].replicate(width // config.bus_bits)),
            read_port.addr.eq(address),
        ]
        return read_port.data
