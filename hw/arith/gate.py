"""The gate of SiLU and GELU, from a table."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.leading import count_leading_zeros
from tilewright.hw.arith.shifter import shift_left
from tilewright.hw.pipeline import delay
from tilewright.sim.formats import FP32
from tilewright.sim.formats.activation import ACTIVATIONS, ENTRIES, GATE_BITS, ONE, POSITION_BITS, STEP_BITS

BASE_BITS, DELTA_BITS = GATE_BITS + 1, 18
"""Width of a table entry, which is at most 1, and width of its difference to the next entry."""


class Gate(wiring.Component):
    """``g(x)`` in FP32: the sigmoid for SiLU, the normal distribution for GELU; see :mod:`~.sim.formats.activation`.

    The gate of a magnitude is interpolated between two of 512 entries in units of ``2 ** -24``; that of a negative
    number is what it lacks to 1. From the end of the table on it is 1 or 0.

    Latency: ``LATENCY`` cycles. Throughput: one a cycle.

    Members
    -------
    x : In(32)
    gelu : In(1)
        Selects GELU, otherwise SiLU; constant.
    g : Out(32)
    """

    LATENCY = 5

    def __init__(self):
        super().__init__({"x": In(32), "gelu": In(1), "g": Out(32)})

    def elaborate(self, platform):
        m = Module()
        mantissa = FP32.mantissa_bits
        silu, gelu = ACTIVATIONS["silu"], ACTIVATIONS["gelu"]
        exponent = self.x[mantissa:-1]
        # Where the table ends, and how far the significand of the last binade before it is moved.
        ends = {table: FP32.bias + table.range.bit_length() - 1 for table in (silu, gelu)}
        end = Signal(8)
        distance, steps = Signal(8), POSITION_BITS.bit_length()
        position = Signal(POSITION_BITS)
        significand = Cat(self.x[:mantissa], Const(1, 1))[-POSITION_BITS:]
        far = distance[steps:].any()
        m.d.comb += [
            end.eq(Mux(self.gelu, ends[gelu], ends[silu])),
            distance.eq(end - 1 - exponent),
            position.eq(Mux(far, 0, significand >> distance[:steps])),
        ]
        position, beyond = delay(m, position, "position"), delay(m, exponent >= end, "beyond")
        negative = delay(m, self.x[-1], "negative", cycles=4)

        rows = []
        for table in (silu, gelu):
            rows += [
                here | (after - here) << BASE_BITS for here, after in zip(table.base, table.base[1:], strict=False)
            ]
        m.submodules.table = memory = Memory(shape=BASE_BITS + DELTA_BITS, depth=2 * ENTRIES, init=rows)
        port = memory.read_port()
        m.d.comb += port.addr.eq(Cat(position[STEP_BITS:], self.gelu))
        t = delay(m, position[:STEP_BITS], "t")
        base, delta = port.data[:BASE_BITS], port.data[BASE_BITS:]
        product = Signal(DELTA_BITS + STEP_BITS)
        m.d.comb += product.eq(delta * t)
        product, base = delay(m, product, "product"), delay(m, base, "base")
        part = Signal(GATE_BITS + 1)
        m.d.comb += part.eq(Mux(delay(m, beyond, "far", cycles=2), ONE, base + (product >> STEP_BITS)))
        part = delay(m, part, "part")

        gate, zeros = Signal(GATE_BITS + 1), Signal(range(GATE_BITS + 2))
        m.d.comb += gate.eq(Mux(negative, ONE - part, part))
        m.d.comb += zeros.eq(count_leading_zeros(m, gate, "zeros"))
        moved = shift_left(m, gate, zeros, "moved")
        g = Cat(moved[1:-1], (FP32.bias - zeros)[:8], Const(0, 1))
        m.d.comb += self.g.eq(delay(m, Mux(gate == 0, 0, g), "g"))
        return m
