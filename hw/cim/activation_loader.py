"""Loads activation vectors into the input buffer of a tile, ahead of the computation."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.command import ADDRESS_BITS, REQUEST_LAYOUT, fetch_layout
from tilewright.sim.config import TileConfig


class ActivationLoader(wiring.Component):
    """Requests vectors while the input buffer has room, and holds them in order until they are computed.

    Vectors follow one another without gaps, unless ``strided``: then each begins ``stride`` words after the one before.

    A place in the buffer is reserved when its vector is requested, so that activations never have to wait.
    Elements beyond the vector's length are zero in the buffer, whatever the bus carries.

    Throughput: one beat a cycle, one request a cycle. Latency: a vector counts as filled in the cycle after
    its last beat (``LATENCY``) and may be read from then on; a read answers one cycle later.

    Parameters
    ----------
    config : TileConfig
        Shape, bus width and depth of the buffer.
    rows : int or None
        Activations of a vector at most, if not those of the tile.
    strided : bool
        Whether there may be gaps.

    Members
    -------
    fetches : In(stream)
        Runs of vectors to load.
    stride : In(32)
        Only if ``strided``: words from a vector to the next, constant while vectors are to be loaded.
    requests : Out(stream)
        Reads of activation memory, one for each vector, ``REQUEST_LAYOUT``.
    activations : In(stream)
        The words read, in the order of the requests.
    available : Out(1)
        A vector is in the buffer.
    take : In(1)
        Removes the oldest vector.
    vector : Out
        In the cycle after ``take``: the vector as ``input_bits`` planes of ``rows`` bits, the least
        significant plane lowest.
    """

    LATENCY = 1

    def __init__(self, *, config: TileConfig, rows: int | None = None, strided: bool = False):
        self.config = config
        self.rows = rows = rows or config.rows
        self.strided = strided
        super().__init__(
            {
                **({"stride": In(ADDRESS_BITS)} if strided else {}),
                "fetches": In(stream.Signature(fetch_layout(rows))),
                "requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "activations": In(stream.Signature(config.activation_bus_bits)),
                "available": Out(1),
                "take": In(1),
                "vector": Out(rows * config.macro.input_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        depth, bits = cfg.input_buffer_vectors, cfg.macro.input_bits
        per_beat = cfg.activation_bus_bits // bits  # a power of two
        shift = per_beat.bit_length() - 1
        vector_beats = cfg.activation_beats(self.rows)

        # Requesting: reserve a place, ask for one vector.
        free = Signal(range(depth + 1), init=depth)
        index = Signal(16)
        offset = Signal(ADDRESS_BITS)
        beats = Signal(range(vector_beats + 1))
        # Never full: every entry has reserved a place.
        m.submodules.pending = queue = SyncFIFO(width=len(self.fetches.p.rows), depth=depth)
        requested = Signal()
        m.d.comb += [
            beats.eq((self.fetches.p.rows + (per_beat - 1)) >> shift),
            self.requests.p.address.eq(self.fetches.p.address + offset),
            self.requests.p.beats.eq(beats),
            self.requests.valid.eq(self.fetches.valid & (free != 0)),
            requested.eq(self.requests.valid & self.requests.ready),
            queue.w_data.eq(self.fetches.p.rows),
            queue.w_en.eq(requested),
            self.fetches.ready.eq(requested & (index == self.fetches.p.vectors - 1)),
        ]
        m.d.sync += free.eq(free + self.take - requested)
        with m.If(self.fetches.ready):
            m.d.sync += [index.eq(0), offset.eq(0)]
        with m.Elif(requested):
            m.d.sync += [index.eq(index + 1), offset.eq(offset + (self.stride if self.strided else beats))]

        # Receiving: assemble a vector as bit planes, write it in the cycle after its last beat.
        beat = Signal(range(vector_beats))
        done = Signal(len(queue.r_data))  # activations of this vector already received
        left = Signal(len(queue.r_data))
        accepted, vector_end = Signal(), Signal()
        m.d.comb += [
            self.activations.ready.eq(queue.r_rdy),
            accepted.eq(self.activations.valid & self.activations.ready),
            left.eq(queue.r_data - done),
            vector_end.eq(accepted & (left <= per_beat)),
            queue.r_en.eq(vector_end),
        ]
        elements = [Signal(bits, name=f"element{index}") for index in range(per_beat)]
        for index, element in enumerate(elements):
            m.d.comb += element.eq(Mux(index < left, self.activations.p.word_select(index, bits), 0))
        planes = [Cat(element[bit] for element in elements) for bit in range(bits)]
        assembled = [Signal(self.rows, name=f"assembled_bit{bit}") for bit in range(bits)]
        with m.If(accepted):
            m.d.sync += [beat.eq(beat + 1), done.eq(done + per_beat)]
            with m.If(beat == 0):
                m.d.sync += [vector.eq(plane) for vector, plane in zip(assembled, planes, strict=True)]
            with m.Else():
                m.d.sync += [
                    vector.word_select(beat, per_beat).eq(plane)
                    for vector, plane in zip(assembled, planes, strict=True)
                ]
        with m.If(vector_end):
            m.d.sync += [beat.eq(0), done.eq(0)]

        m.submodules.buffer = buffer = memory.Memory(shape=len(self.vector), depth=depth, init=[])
        write = buffer.write_port()
        # A vector may be read in the very cycle in which it is written.
        read = buffer.read_port(transparent_for=(write,))
        m.d.sync += write.en.eq(vector_end)
        with m.If(write.en):
            m.d.sync += write.addr.eq(Mux(write.addr == depth - 1, 0, write.addr + 1))
        with m.If(self.take):
            m.d.sync += read.addr.eq(Mux(read.addr == depth - 1, 0, read.addr + 1))
        level = Signal(range(depth + 1))
        m.d.sync += level.eq(level + vector_end - self.take)
        m.d.comb += [
            write.data.eq(Cat(assembled)),
            read.en.eq(self.take),
            self.vector.eq(read.data),
            self.available.eq(level != 0),
        ]
        return m
