"""The row scalars: computes them from reductions and keeps them."""

from amaranth.hdl import Cat, EnableInserter, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.hw.definition import Definition
from tilewright.hw.vector.inverse import Inverse
from tilewright.sim.config.fp32 import ADD, MULTIPLY
from tilewright.sim.isa.vector_command import Inverse as Kind


class Scalars(wiring.Component):
    """``linear = reduced * scale + offset`` and a function of it, for each row, in two files of FP32 scalars.

    Latency from ``valid`` until the linear one is in its file: ``LINEAR``, the function: ``INVERSE`` cycles. A file is
    read with a latency of one cycle. The arithmetic keeps what it holds while no reduction is in it.

    Parameters
    ----------
    scalars : int
        Number of scalars in each file.
    adder, multiplier : Definition
        Definitions of :class:`Fp32Adder` and :class:`Fp32Multiplier`.

    Members
    -------
    start : In(1)
        Reductions begin anew at row 0.
    valid, reduced : In
        A row's reduction.
    scale, offset, inverse, slot : In
        Constants of a command: see above, :class:`.command.Inverse`, and the first row's place in both files.
    add_address, add : In, Out
        Reads the file of linear ones.
    multiply_inverse, multiply_address, multiply : In, Out
        Reads either file.
    done : Out(1)
        A row's scalars are in their files from the next cycle on.
    """

    LINEAR = MULTIPLY + ADD
    INVERSE = LINEAR + Inverse.LATENCY

    def __init__(self, *, scalars: int, adder: Definition, multiplier: Definition):
        self._scalars, self._adder, self._multiplier = scalars, adder, multiplier
        place = range(scalars)
        super().__init__(
            {
                "start": In(1),
                "valid": In(1),
                "reduced": In(32),
                "scale": In(32),
                "offset": In(32),
                "inverse": In(2),
                "slot": In(place),
                "add_address": In(place),
                "add": Out(32),
                "multiply_inverse": In(1),
                "multiply_address": In(place),
                "multiply": Out(32),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        product = self._multiplier.instantiate(m, "product")
        total = self._adder.instantiate(m, "total")
        # Bit i: a reduction has been in the arithmetic for i + 1 cycles.
        in_linear, in_inverse = Signal(self.LINEAR), Signal(Inverse.LATENCY)
        linear_valid, inverse_valid = in_linear[-1], in_inverse[-1]
        inverts = linear_valid & self.inverse.any()
        m.d.sync += [in_linear.eq(Cat(self.valid, in_linear[:-1])), in_inverse.eq(Cat(inverts, in_inverse[:-1]))]
        moves = self.valid | in_linear[:-1].any()
        inverse = Inverse()
        m.submodules.inverse = EnableInserter(inverts | in_inverse[:-1].any())(inverse)
        m.d.comb += [
            product.enable.eq(moves),
            total.enable.eq(moves),
            product.a.eq(self.reduced),
            product.b.eq(self.scale),
            total.a.eq(product.y),
            total.b.eq(self.offset),
            inverse.x.eq(total.y),
            inverse.rsqrt.eq(self.inverse == Kind.RSQRT),
        ]
        files = {}
        for name, valid, value in (("linear", linear_valid, total.y), ("function", inverse_valid, inverse.y)):
            m.submodules[name] = files[name] = memory = Memory(shape=32, depth=self._scalars, init=[])
            write, place = memory.write_port(), Signal(range(self._scalars), name=f"{name}_place")
            m.d.comb += [write.addr.eq(place), write.data.eq(value), write.en.eq(valid)]
            with m.If(self.start):
                m.d.sync += place.eq(self.slot)
            with m.Elif(valid):
                m.d.sync += place.eq(place + 1)
        add, multiply = files["linear"].read_port(), files["linear"].read_port()
        function = files["function"].read_port()
        m.d.comb += [
            add.addr.eq(self.add_address),
            multiply.addr.eq(self.multiply_address),
            function.addr.eq(self.multiply_address),
            self.add.eq(add.data),
            self.multiply.eq(Mux(self.multiply_inverse, function.data, multiply.data)),
            self.done.eq(Mux(self.inverse.any(), inverse_valid, linear_valid)),
        ]
        return m
