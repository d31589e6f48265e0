"""Asks memory for operands and parameters, in the order in which the array needs them."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.descriptor import SIZE_BITS, job_layout, mode_bits, scaled, tile_layout
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.depths import B_PANELS, PARAMETER_SLOTS
from tilewright.sim.isa.npe_registers import ReadStream


class Kind(enum.IntEnum):
    """Purpose of a request; the number is the detail of a read error in the register ERROR."""

    DESCRIPTOR = ReadStream.DESCRIPTOR
    A = ReadStream.A
    B = ReadStream.B
    SCALE = ReadStream.SCALE
    BIAS = ReadStream.BIAS
    RESIDUAL = ReadStream.RESIDUAL
    CHUNK = len(ReadStream)
    """Marker without data: everything that a chunk needs has been requested."""


COUNT_BITS = 16
"""Width of the count of requests, which wraps; it is much larger than the number of requests in flight needs."""


def entry_layout(config: NpeConfig) -> data.StructLayout:
    """Return the layout of what the loader tells the receiver of each request: where its words go."""
    lines = max(config.panels, B_PANELS) * config.depth
    return data.StructLayout(
        {
            "kind": 3,
            "bank": range(max(config.rows, config.columns)),
            "base": range(max(lines, PARAMETER_SLOTS * config.rows)),
            "masked": 1,  # the last word has bits beyond K
            "offset": range(config.bus_bytes),  # of the first byte in its beat
        }
    )


def chunk_layout(config: NpeConfig) -> data.StructLayout:
    """Return the layout of what the loader tells the feeder: the panels to multiply, and their output tile."""
    return data.StructLayout(
        {
            "a_slot": range(config.panels),
            "a_bank": range(config.rows),
            "b_slot": range(B_PANELS),
            "words": range(config.depth * config.words_per_beat + 1),
            "first": 1,
            "last": 1,
            "release_a": 1,
            "release_b": 1,
            "tile": tile_layout(config),
            "parameters": range(PARAMETER_SLOTS),
            "requests": COUNT_BITS,  # made before this chunk, modulo
            "final": 1,
        }
    )


class Loader(wiring.Component):
    """Walks over the tiles of C and makes requests.

    Groups of row blocks, in each all column blocks, for each of these all row blocks of the group, and for each tile
    all chunks of K. A row block's panel of A stays on chip for the whole group, which has ``panels - 1`` of them, so
    that the next group's first can be loaded meanwhile; a panel of B stays for one column block. If a row does not
    fit into a panel, K is cut into chunks of ``depth`` beats, a group is one row block, and every chunk loads both.
    Chunks of A that all fit on chip, as there is but one row block, are loaded with the first columns and stay; those
    of a single row lie in the banks of all rows of the array, one bank full after the other.

    For each chunk, in this order: the panels that are not there, a request for each row; behind the last chunk of a
    tile scale, bias, and a request for each row of the residual; then the chunk itself goes to the feeder. One of
    these a cycle, if there is room for it: a panel, a parameter slot, and the streams.

    Members
    -------
    start : In(1)
        Begins the job in the next cycle.
    job : In
        See :func:`.descriptor.job_layout`.
    requests : Out(stream)
        ``address`` and ``beats``.
    entries : Out(stream)
        See :func:`entry_layout`.
    chunks : Out(stream)
        See :func:`chunk_layout`.
    a_released, b_released, parameters_released : In(1)
        One of these is free again.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        request = data.StructLayout({"address": config.address_bits, "beats": 16})
        super().__init__(
            {
                "start": In(1),
                "job": In(job_layout(config)),
                "requests": Out(stream.Signature(request)),
                "entries": Out(stream.Signature(entry_layout(config))),
                "chunks": Out(stream.Signature(chunk_layout(config))),
                "a_released": In(1),
                "b_released": In(1),
                "parameters_released": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, d, job = self.config, self.job.descriptor, self.job
        rows, columns, size = config.rows, config.columns, SIZE_BITS

        # Where we are.
        active = Signal()
        part = Signal(Kind, init=Kind.A)
        index = Signal(range(max(rows, columns)))
        row, group_row, column = Signal(size), Signal(size), Signal(size)
        panel = Signal(range(config.panels))
        chunk = Signal(size)
        a_bank = Signal(range(config.rows))
        a_slot, group_slot = Signal(range(config.panels)), Signal(range(config.panels))
        b_slot = Signal(range(B_PANELS))
        parameter_slot = Signal(range(PARAMETER_SLOTS))
        requests = Signal(COUNT_BITS)

        first_columns, last_columns, last_panel, last_chunk = Signal(), Signal(), Signal(), Signal()
        rows_left, columns_left = Signal(size), Signal(size)
        tile_rows, tile_columns = Signal(range(rows + 1)), Signal(range(columns + 1))
        m.d.comb += [
            rows_left.eq(d.m - row),
            columns_left.eq(d.n - column),
            tile_rows.eq(Mux(rows_left < rows, rows_left, rows)),
            tile_columns.eq(Mux(columns_left < columns, columns_left, columns)),
            first_columns.eq(column == 0),
            last_columns.eq(columns_left <= columns),
            last_panel.eq(job.chunked | (panel == config.panels - 2) | (rows_left <= rows)),
            last_chunk.eq(chunk == job.last_chunk),
        ]

        # The part that comes next of those that are needed.
        wanted = {
            Kind.A: (job.chunked & ~job.a_stays) | first_columns,
            Kind.B: job.chunked | (panel == 0),
            Kind.SCALE: last_chunk & d.scale.any(),
            Kind.BIAS: last_chunk & d.bias.any(),
            Kind.RESIDUAL: last_chunk & d.residual,
        }
        now = Signal(Kind)
        m.d.comb += now.eq(Kind.CHUNK)
        for kind in reversed(wanted):
            with m.If((part <= kind) & wanted[kind]):
                m.d.comb += now.eq(kind)

        credits = {
            "a": (self.a_released, config.panels),
            "b": (self.b_released, B_PANELS),
            "parameters": (self.parameters_released, PARAMETER_SLOTS),
        }
        free, taken = {}, {}
        for name, (released, count) in credits.items():
            free[name], taken[name] = (
                Signal(range(count + 1), init=count, name=f"{name}_free"),
                Signal(name=f"{name}_taken"),
            )
            m.d.sync += free[name].eq(free[name] + released - taken[name])

        fits, data_part, end_of_part, go = Signal(), Signal(), Signal(), Signal()
        address, beats = Signal(config.address_bits), Signal(16)
        limit = Signal(range(max(rows, columns) + 1))
        m.d.comb += [
            data_part.eq(now != Kind.CHUNK),
            end_of_part.eq(index + 1 == limit),
            go.eq(active & fits & Mux(data_part, self.entries.ready & self.requests.ready, self.chunks.ready)),
            self.entries.valid.eq(active & fits & data_part & self.requests.ready),
            self.requests.valid.eq(active & fits & data_part & self.entries.ready),
            self.chunks.valid.eq(active & fits & ~data_part),
            taken["a"].eq(go & (now == Kind.A) & (index == 0) & ~job.a_stays),
            taken["b"].eq(go & (now == Kind.B) & (index == 0)),
            taken["parameters"].eq(go & (now == Kind.CHUNK) & last_chunk),
        ]
        with m.Switch(now):
            with m.Case(Kind.A):
                m.d.comb += [fits.eq(free["a"].any() | index.any() | job.a_stays), limit.eq(tile_rows)]
            with m.Case(Kind.B):
                m.d.comb += [fits.eq(free["b"].any() | index.any()), limit.eq(tile_columns)]
            with m.Case(Kind.RESIDUAL):
                m.d.comb += [fits.eq(free["parameters"].any()), limit.eq(tile_rows)]
            with m.Default():
                m.d.comb += [fits.eq(free["parameters"].any() | ~last_chunk), limit.eq(1)]

        self._addresses(m, locals())
        entry, sent = self.entries.p, self.chunks.p
        bus = config.bus_bytes
        m.d.comb += [
            self.requests.p.address.eq(Cat(Const(0, (bus - 1).bit_length()), address[(bus - 1).bit_length() :])),
            self.requests.p.beats.eq(beats),
            entry.kind.eq(now),
            entry.bank.eq(Mux(now == Kind.A, index | a_bank, index)),  # a_bank is 0 for several rows
            entry.masked.eq(last_chunk),
            entry.offset.eq(address[: (bus - 1).bit_length()]),
        ]
        with m.Switch(now):
            with m.Case(Kind.A):
                m.d.comb += entry.base.eq(a_slot * config.depth)
            with m.Case(Kind.B):
                m.d.comb += entry.base.eq(b_slot * config.depth)
            with m.Case(Kind.RESIDUAL):
                m.d.comb += entry.base.eq(parameter_slot * rows + index)
            with m.Default():
                m.d.comb += entry.base.eq(parameter_slot)

        group_ends = last_panel & last_columns
        tile = sent.tile
        m.d.comb += [
            sent.a_slot.eq(a_slot),
            sent.a_bank.eq(a_bank),
            sent.b_slot.eq(b_slot),
            sent.words.eq(Mux(last_chunk, job.tail_words, config.depth * config.words_per_beat)),
            sent.first.eq(chunk == 0),
            sent.last.eq(last_chunk),
            sent.release_a.eq((job.chunked | last_columns) & ~job.a_stays),
            sent.release_b.eq(job.chunked | last_panel),
            sent.parameters.eq(parameter_slot),
            sent.requests.eq(requests),
            sent.final.eq(group_ends & (rows_left <= rows)),
            tile.row.eq(row),
            tile.column.eq(column),
            tile.rows.eq(tile_rows),
            tile.columns.eq(tile_columns),
            tile.panel.eq(panel),
            tile.first_panel.eq(panel == 0),
            tile.last_panel.eq(last_panel),
            tile.first_columns.eq(first_columns),
            tile.last_columns.eq(last_columns),
        ]

        def after(slot: Signal, count: int) -> Value:
            return Mux(slot == count - 1, 0, slot + 1)

        with m.If(go & data_part):
            m.d.sync += requests.eq(requests + 1)
            m.d.sync += index.eq(Mux(end_of_part, 0, index + 1))
            with m.If(end_of_part):
                # The next part at the earliest.
                m.d.sync += part.eq(now + 1)
            with m.Else():
                m.d.sync += part.eq(now)
        with m.If(go & ~data_part):
            m.d.sync += part.eq(Kind.A)
            with m.If(~last_chunk):
                m.d.sync += chunk.eq(chunk + 1)
            with m.Else():
                m.d.sync += [chunk.eq(0), parameter_slot.eq(after(parameter_slot, PARAMETER_SLOTS))]
                with m.If(~last_panel):
                    m.d.sync += [panel.eq(panel + 1), row.eq(row + rows)]
                with m.Else():
                    m.d.sync += panel.eq(0)
                    with m.If(~last_columns):
                        m.d.sync += [column.eq(column + columns), row.eq(group_row)]
                    with m.Else():
                        m.d.sync += [column.eq(0), row.eq(row + rows), group_row.eq(row + rows)]
                        with m.If(rows_left <= rows):
                            m.d.sync += active.eq(0)
            # A panel of its own for each chunk; else the group's panels again for the next columns.
            with m.If(job.a_stays):
                full = a_slot == config.panels - 1
                m.d.sync += [
                    a_slot.eq(Mux(last_chunk | full, 0, a_slot + 1)),
                    a_bank.eq(Mux(last_chunk, 0, a_bank + full)),
                ]
            with m.Elif(job.chunked | ~last_panel | last_columns):
                m.d.sync += a_slot.eq(after(a_slot, config.panels))
                with m.If(job.chunked | (last_panel & last_columns)):
                    m.d.sync += group_slot.eq(after(a_slot, config.panels))
            with m.Else():
                m.d.sync += a_slot.eq(group_slot)
            with m.If(job.chunked | last_panel):
                m.d.sync += b_slot.eq(after(b_slot, B_PANELS))
        with m.If(self.start):
            m.d.sync += active.eq(1)
        return m

    def _addresses(self, m: Module, at: dict) -> None:
        """Drive address and length of the request; ``at`` holds the names of ``elaborate``."""
        config, job = self.config, self.job
        d = job.descriptor
        bits, bus = config.address_bits, config.bus_bytes
        now, index, go, end_of_part = at["now"], at["index"], at["go"], at["end_of_part"]
        last_chunk, last_panel, last_columns = at["last_chunk"], at["last_panel"], at["last_columns"]

        # Beginnings of the row block of A, the column block of B, the group of the residual; the row being asked for.
        a_block, a_next, b_block, b_next = (
            Signal(bits, name=name) for name in ("a_block", "a_next", "b_block", "b_next")
        )
        residual_group, residual_next = Signal(bits), Signal(bits)
        line, offset = Signal(bits), Signal(bits)
        begin, stride = Signal(bits), Signal(bits)
        here, following = Signal(bits), Signal(bits)
        m.d.comb += [here.eq(Mux(index == 0, begin, line)), following.eq(here + stride)]
        # Columns before this tile, in bytes of a row of the residual.
        residual_column = Signal(bits)
        m.d.comb += residual_column.eq(scaled(at["column"], d.residual_format) >> 1)
        address, beats = at["address"], at["beats"]
        eight, sixteen = mode_bits(d.residual_format)
        count, per_beat = at["tile_columns"], (bus - 1).bit_length()
        bytes_wanted = Signal(range(max(config.rows, config.columns) * 4 + 1))

        def beats_of(size: Value) -> Value:
            return (size + (bus - 1)) >> per_beat

        m.d.comb += [address.eq(here), beats.eq(beats_of(bytes_wanted))]
        panel_beats = Mux(last_chunk, job.tail_beats, config.depth)
        with m.Switch(now):
            with m.Case(Kind.A):
                m.d.comb += [begin.eq(a_block + offset), stride.eq(d.a_stride), beats.eq(panel_beats)]
            with m.Case(Kind.B):
                m.d.comb += [begin.eq(b_block + offset), stride.eq(d.b_stride), beats.eq(panel_beats)]
            with m.Case(Kind.RESIDUAL):
                m.d.comb += [
                    begin.eq(Mux(at["panel"] == 0, residual_group, residual_next)),
                    stride.eq(d.residual_stride),
                    address.eq(here + residual_column),
                    bytes_wanted.eq(Mux(sixteen, count << 1, Mux(eight, count, (count + 1) >> 1))),
                ]
            for kind, base, by_row in (
                (Kind.SCALE, d.scale_address, d.scale[0]),
                (Kind.BIAS, d.bias_address, d.bias[0]),
            ):
                with m.Case(kind):
                    element, elements = Mux(by_row, at["row"], at["column"]), Mux(by_row, at["tile_rows"], count)
                    m.d.comb += [address.eq(base + (element << 2)), bytes_wanted.eq(elements << 2)]

        with m.If(go & (now != Kind.CHUNK)):
            m.d.sync += line.eq(following)
            with m.If(end_of_part), m.Switch(now):
                with m.Case(Kind.A):
                    with m.If(~job.chunked):
                        m.d.sync += a_block.eq(following)
                    with m.If(offset == 0):
                        m.d.sync += a_next.eq(following)
                with m.Case(Kind.B), m.If(offset == 0):
                    m.d.sync += b_next.eq(following)
                with m.Case(Kind.RESIDUAL):
                    m.d.sync += residual_next.eq(following)
        with m.If(go & (now == Kind.CHUNK)):
            m.d.sync += offset.eq(Mux(last_chunk, 0, offset + config.depth * bus))
            with m.If(last_chunk & last_panel):
                m.d.sync += b_block.eq(Mux(last_columns, d.b, b_next))
                with m.If(last_columns):
                    m.d.sync += residual_group.eq(residual_next)
                    with m.If(job.chunked):
                        m.d.sync += a_block.eq(a_next)
        with m.If(self.start):
            m.d.sync += [a_block.eq(d.a), b_block.eq(d.b), residual_group.eq(d.residual_address)]
