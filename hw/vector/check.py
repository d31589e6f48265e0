"""Checks whether the vector unit can run a command."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.pipeline import delay
from tilewright.hw.vector.command import OPERANDS, command_layout, size_of
from tilewright.hw.vector.walker import SIZE_BITS
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Function, Inverse, Storage, VectorError


class Check(wiring.Component):
    """Finds the reason for which a command is refused, if there is one; see :class:`.VectorError`.

    Latency: ``LATENCY`` cycles from ``command``, which stays, to ``error``.

    Members
    -------
    command : In(command_layout)
    steps : In(16)
        Steps of a row.
    error : Out(4)
    """

    LATENCY = 1

    def __init__(self, *, config: VectorConfig):
        self.config = config
        super().__init__({"command": In(command_layout(config)), "steps": In(SIZE_BITS), "error": Out(4)})

    def elaborate(self, platform):
        m = Module()
        command, config = self.command, self.config
        used = dict(zip(OPERANDS, (Const(1, 1), command.b, command.c, command.write), strict=True))
        wrong_storage = [
            command.b & ~_short_or_whole(command.b_storage),
            command.c & ~_short_or_whole(command.c_storage),
            command.write & (command.d_storage == Storage.INT32),
            command.scatter & ((command.d_storage != Storage.FP32) | (command.columns != 1) | ~command.write),
        ]
        misaligned, outside = [], []
        for name, on in used.items():
            address, stride = command[f"{name}_address"], command[f"{name}_stride"]
            size = size_of(command[f"{name}_storage"])
            below = Cat(size.any(), size[1])
            scatter = command.scatter if name == "d" else Const(0, 1)
            misaligned.append(on & ~scatter & ((address | stride)[:2] & below).any())
            before = delay(m, (command.rows - 1)[:SIZE_BITS] * stride, f"{name}_before", reset_less=True)
            row = delay(m, self.steps << size, f"{name}_row", reset_less=True)
            end = address + before + Mux(scatter, 1, row)
            bits = Mux(scatter, 1 << config.element_address_bits, 1 << config.address_bits)
            outside.append(on & (end > bits))
        reduced = command.reduce.any()
        # The slots that the command reads, and after them the one that it writes.
        reads = [(command.add, command.add_slot), (command.multiply, command.multiply_slot)]
        slots = [(on, slot, slot + command.rows) for on, slot in (*reads, (reduced, command.out_slot))]
        beyond = [on & (end > config.scalars) for on, _, end in slots]
        crossed = Signal(len(reads))
        """A later row reads the scalar that an earlier row writes."""
        for bit, (on, slot, end) in zip(crossed, slots, strict=False):
            m.d.comb += bit.eq(reduced & on & (command.out_slot > slot) & (command.out_slot < end))
        half = Signal(SIZE_BITS + 1)
        m.d.comb += half.eq(Const(1) << command.rotate_steps)
        broken = (self.steps & ((half << 1) - 1)).any() | command.columns[: config.levels].any()
        reasons = {
            VectorError.SIZE: (command.rows == 0) | (command.columns == 0),
            VectorError.CODE: _any(wrong_storage)
            | (command.function > max(Function))
            | (command.inverse > max(Inverse)),
            VectorError.EMPTY: ~(command.write | reduced),
            VectorError.ALIGNMENT: _any(misaligned),
            VectorError.RANGE: _any(outside),
            VectorError.SLOT: _any([*beyond, *crossed]),
            VectorError.ROTATE: command.rotate & broken,
        }
        for error, reason in reversed(reasons.items()):
            with m.If(reason):
                m.d.comb += self.error.eq(error)
        return m


def _short_or_whole(storage: Value) -> Value:
    return (storage == Storage.BF16) | (storage == Storage.FP32)


def _any(values: list[Value]) -> Value:
    return Cat(values).any()
