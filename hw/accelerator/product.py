"""The array unit: multiplies activations in the scratchpad with weights as they arrive."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import entry_layout
from tilewright.hw.accelerator.scratchpad import read_layout, write_layout
from tilewright.hw.cim.array import CIMArray
from tilewright.hw.cim.command import REQUEST_LAYOUT
from tilewright.hw.definition import Definition
from tilewright.hw.layout import view
from tilewright.hw.pipeline import delay
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Product
from tilewright.sim.isa.widths import COUNT_BITS


class ArrayUnit(wiring.Component):
    """Cuts a product into the commands of a CIM array, and moves its activations and results.

    For each block of columns the array gets a command for each block of rows; sums stay in its accumulators in between.

    Latency: the array is offered its first command in the cycle after the product began; its results are written in the
    cycle in which they come; ``done`` is in that of the last one. Throughput: the array's; products do not overlap.

    Members
    -------
    begin : In(stream)
        A product.
    weights : In(stream)
    read, data : Out(read_layout), In
    write : Out(write_layout)
        Reads and writes of the scratchpad.
    done : Out(1)
        The last result of the product is being written.
    starved : Out(1)
        The array waits for weights that are not there.
    moved : Out(1)
        A beat has been taken: weights, activations or results.
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        self._array = Definition("cim_array", CIMArray(config=config.cim_array, strided=True))
        self.definitions = [self._array]
        super().__init__(
            {
                "begin": In(stream.Signature(entry_layout(config))),
                "weights": In(stream.Signature(config.bus_bits)),
                "read": Out(read_layout(config)),
                "data": In(config.vector.word_bits),
                "write": Out(write_layout(config)),
                "done": Out(1),
                "starved": Out(1),
                "moved": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cim, tile = self.config.cim_array, self.config.cim_array.tile
        array = self._array.instantiate(m, "array")
        command = Signal.like(self.begin.p.command)
        product = view(command, Product.FIELDS)
        begins, busy = Signal(), Signal()
        m.d.comb += [self.begin.ready.eq(~busy), begins.eq(self.begin.valid & self.begin.ready)]
        with m.If(begins):
            m.d.sync += [command.eq(self.begin.p.command), busy.eq(1)]
        with m.Elif(self.done):
            m.d.sync += busy.eq(0)

        high, wide = Signal(range(cim.rows + 1)), Signal(range(cim.columns + 1))
        m.d.comb += [
            high.eq(Mux(product["reduce"], cim.rows, tile.rows)),
            wide.eq(Mux(product["reduce"], tile.columns, cim.columns)),
        ]
        self._commands(m, array, product, begins, high, wide)
        self._activations(m, array, product)
        self._results(m, array, product, begins, wide)
        m.d.comb += [
            array.weights.p.eq(self.weights.p),
            array.weights.valid.eq(self.weights.valid),
            self.weights.ready.eq(array.weights.ready),
            array.weight_requests.ready.eq(1),
            self.starved.eq(array.weights.ready & ~self.weights.valid),
            self.moved.eq(
                Cat(
                    self.weights.valid & self.weights.ready,
                    array.activation_requests.valid & array.activation_requests.ready,
                    array.results.valid,
                ).any()
            ),
        ]
        return m

    def _commands(self, m: Module, array, product: dict[str, Value], begins: Value, high: Value, wide: Value) -> None:
        """Offer the array its commands: blocks of columns outermost."""
        tile = self.config.cim_array.tile
        offering = Signal()
        k_left, n_left = Signal(COUNT_BITS), Signal(COUNT_BITS)
        rows, columns = Signal(COUNT_BITS), Signal(COUNT_BITS)
        last_rows, last_columns, taken = Signal(), Signal(), Signal()
        # Of the first vector: from the start of its row, in words of the activations.
        before = Signal(32)
        shift = (self.config.activation_bytes - 1).bit_length()
        block = Mux(
            product["reduce"],
            self.config.cim_array.rows * tile.macro.input_bits // tile.activation_bus_bits,
            tile.rows * tile.macro.input_bits // tile.activation_bus_bits,
        )
        m.d.comb += [
            last_rows.eq(k_left <= high),
            last_columns.eq(n_left <= wide),
            rows.eq(Mux(last_rows, k_left, high)),
            columns.eq(Mux(last_columns, n_left, wide)),
            array.commands.valid.eq(offering),
            array.commands.p.load.eq(1),
            array.commands.p.release.eq(1),
            array.commands.p.accumulate.eq(k_left != product["k"]),
            array.commands.p.emit.eq(last_rows),
            array.commands.p.rows.eq(rows),
            array.commands.p.columns.eq(columns),
            array.commands.p.vectors.eq(product["vectors"]),
            array.commands.p.reduce.eq(product["reduce"]),
            *([array.commands.p.narrow.eq(product["narrow"])] if tile.narrow_weights != "none" else []),
            array.commands.p.activation_address.eq((product["a"] >> shift) + before),
            array.activation_stride.eq(product["a_pitch"] >> shift),
            taken.eq(array.commands.valid & array.commands.ready),
        ]
        new = view(self.begin.p.command, Product.FIELDS)
        with m.If(begins):
            m.d.sync += [offering.eq(1), k_left.eq(new["k"]), n_left.eq(new["n"]), before.eq(0)]
        with m.Elif(taken):
            m.d.sync += [k_left.eq(k_left - high), before.eq(before + block)]
            with m.If(last_rows):
                m.d.sync += [
                    k_left.eq(product["k"]),
                    n_left.eq(n_left - wide),
                    before.eq(0),
                    offering.eq(~last_columns),
                ]

    def _activations(self, m: Module, array, product: dict[str, Value]) -> None:
        """Answer the array's requests: a word a cycle, the first one in the cycle after its request."""
        config, tile = self.config, self.config.cim_array.tile
        # Never full: for each request there is a place in the array's buffer.
        m.submodules.requests = requests = SyncFIFO(width=REQUEST_LAYOUT.size, depth=tile.input_buffer_vectors + 1)
        beat = Signal(COUNT_BITS)
        address = Signal(32)
        m.d.comb += [
            requests.w_data.eq(array.activation_requests.p.as_value()),
            requests.w_en.eq(array.activation_requests.valid),
            array.activation_requests.ready.eq(requests.w_rdy),
        ]
        request = REQUEST_LAYOUT(requests.r_data)
        last = Signal()
        m.d.comb += [
            address.eq(request.address + beat),
            last.eq(beat == request.beats - 1),
            requests.r_en.eq(last),
        ]
        with m.If(requests.r_rdy):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
        bits = (config.word_bytes // config.activation_bytes - 1).bit_length()
        bank = (config.bank_bytes - 1).bit_length()
        m.d.comb += [
            self.read.enable.eq(requests.r_rdy),
            self.read.bank.eq(product["a"][bank : bank + config.banks.bit_length() - 1]),
            self.read.address.eq(address[bits:]),
            array.activations.valid.eq(delay(m, requests.r_rdy, "read")),
            array.activations.p.eq(
                self.data.word_select(delay(m, address[:bits], "part"), tile.activation_bus_bits) if bits else self.data
            ),
        ]

    def _results(self, m: Module, array, product: dict[str, Value], begins: Value, wide: Value) -> None:
        """Write results row by row, one block of columns after the other."""
        config = self.config
        vector = Signal(COUNT_BITS)
        block, row, word = Signal(32), Signal(32), Signal(32)  # bytes from the start
        n_left = Signal(COUNT_BITS)
        ends, block_ends = Signal(), Signal()
        place = Signal(32)
        m.d.comb += [
            array.results.ready.eq(1),
            ends.eq(array.results.valid & array.results.p.last),
            block_ends.eq(ends & (vector == product["vectors"] - 1)),
            self.done.eq(block_ends & (n_left <= wide)),
            place.eq(product["out"] + block + row + word),
        ]
        with m.If(array.results.valid):
            m.d.sync += word.eq(word + config.result_bytes)
        with m.If(ends):
            m.d.sync += [word.eq(0), row.eq(row + product["out_pitch"]), vector.eq(vector + 1)]
        with m.If(block_ends):
            m.d.sync += [row.eq(0), vector.eq(0), block.eq(block + (wide << 2)), n_left.eq(n_left - wide)]
        with m.If(begins):
            m.d.sync += [block.eq(0), n_left.eq(view(self.begin.p.command, Product.FIELDS)["n"])]

        shift = (config.result_bytes - 1).bit_length()
        word_bits, bank = (config.word_bytes - 1).bit_length(), (config.bank_bytes - 1).bit_length()
        part, parts = place[shift:word_bits], config.word_bytes // config.result_bytes
        m.d.comb += [
            self.write.enable.eq(array.results.valid),
            self.write.bank.eq(product["out"][bank : bank + config.banks.bit_length() - 1]),
            self.write.address.eq(place[word_bits:bank]),
            self.write.data.eq(array.results.p.data.replicate(parts)),
            self.write.mask.eq(Cat((part == index).replicate(config.result_bytes) for index in range(parts))),
        ]
