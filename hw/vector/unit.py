"""The vector unit: passes over matrices in the scratchpad."""

from functools import cache
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.fp32 import Fp32Adder, Fp32Multiplier
from tilewright.hw.definition import Definition
from tilewright.hw.pipeline import delay
from tilewright.hw.vector.check import Check
from tilewright.hw.vector.command import command_layout, size_of
from tilewright.hw.vector.lane import Lane
from tilewright.hw.vector.reducer import Reducer
from tilewright.hw.vector.scalars import Scalars
from tilewright.hw.vector.walker import SIZE_BITS, Walker
from tilewright.sim.config.fp32 import ADD, MULTIPLY
from tilewright.sim.config.vector import CONVERT, ENCODE, FUNCTION, MASK, READ, VectorConfig
from tilewright.sim.isa.depths import INTERVAL, START
from tilewright.sim.isa.vector_command import Reduce, Storage

X = READ + CONVERT
"""Cycle, counted from the address of A, in which an element is FP32; the cycles below follow it."""
FACTOR = X + ADD
B = FACTOR + MULTIPLY + FUNCTION
C = B + MULTIPLY
Y = C + ADD + MASK
D = Y + ENCODE


@cache
def common_parts() -> tuple[Definition, Definition, Definition]:
    """Return lane, adder and multiplier: the same objects for all vector units, so that they are elaborated once."""
    parts = {"vector_lane": Lane(), "fp32_adder": Fp32Adder(), "fp32_multiplier": Fp32Multiplier()}
    lane, adder, multiplier = (Definition(name, component) for name, component in parts.items())
    return lane, adder, multiplier


class VectorUnit(wiring.Component):
    """Runs commands, see docs/vector.md; :mod:`.sim.machine.vector` has their cycles.

    Throughput: ``lanes`` elements a cycle within a pass. A pass begins when the one before has ended.

    Parameters
    ----------
    config : VectorConfig

    Members
    -------
    commands : In(stream)
        :func:`.command_layout`.
    done : Out(1)
        The command has ended: what it leaves behind is there from the next cycle on.
    error : Out(4)
        With ``done``: why it was refused, :class:`.VectorError`; it has left nothing behind.
    a_enable, a_address, a_data, b_..., c_... : Out, Out, In
        Words of the scratchpad, there in the cycle after their address; none is needed without the enable.
    d_enable, d_address, d_mask, d_data : Out
        Writes the bytes of a word that the mask has.
    """

    def __init__(self, *, config: VectorConfig):
        self.config = config
        self._lane, self._adder, self._multiplier = self.definitions = common_parts()
        self._reducer = Reducer(lanes=config.lanes, adder=self._adder)
        self._scalars = Scalars(scalars=config.scalars, adder=self._adder, multiplier=self._multiplier)
        made = (Y, self._reducer.sum_latency, self._reducer.maximum_latency, Scalars.LINEAR, Scalars.INVERSE)
        modelled = (
            config.value_latency, config.sum_latency, config.maximum_latency, config.linear_latency,
            config.inverse_latency,
        )  # fmt: skip
        assert made == modelled, f"latencies are {made}, but the exact model has {modelled}"
        word = config.address_bits - 2
        members: dict[str, Any] = {
            "commands": In(stream.Signature(command_layout(config))),
            "done": Out(1),
            "error": Out(4),
        }
        for name in "abc":
            members |= {
                f"{name}_enable": Out(1), f"{name}_address": Out(word), f"{name}_data": In(config.word_bits)
            }  # fmt: skip
        members |= {
            "d_enable": Out(1),
            "d_address": Out(word),
            "d_mask": Out(config.word_bits // 8),
            "d_data": Out(config.word_bits),
        }
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        config, lanes = self.config, self.config.lanes
        command, busy, steps, period, start = self._control(m)

        def walker(name: str, at: int, **inputs: Any) -> Walker:
            """Return a walker whose cycle ``at`` is that of the element whose A is asked for in cycle 0."""
            unit = Walker(address_bits=len(command.d_address) if name == "d" else config.address_bits)
            m.submodules[name] = unit
            inputs |= {"rows": command.rows, "steps": steps, "period": period}
            inputs["start"] = delay(m, start, f"{name}_start", cycles=at)
            m.d.comb += [getattr(unit, port).eq(value) for port, value in inputs.items()]
            return unit

        def operand(name: str, at: int, flip: Value | int = 0) -> tuple[Walker, Value]:
            """Return the walker over a matrix, and the size of its elements."""
            size = Signal(2, name=f"{name}_size")
            m.d.comb += size.eq(size_of(command[f"{name}_storage"]))
            base, stride = command[f"{name}_address"], command[f"{name}_stride"]
            return walker(name, at, base=base, stride=stride, size=size, flip=flip), size

        half = Signal(SIZE_BITS)
        m.d.comb += half.eq(Mux(command.rotate, Const(1) << command.rotate_steps, 0))
        a, _ = operand("a", 0, half)
        m.d.comb += self.a_enable.eq(a.inside)
        codes = self._codes(m, "a", a, command.a_storage, (Storage.INT8, Storage.BF16, Storage.FP32))
        negate = delay(m, command.rotate & ~(a.step & half).any(), "negate", cycles=X)
        operands = []
        for name, at, on in (("b", B, command.b), ("c", C, command.c)):
            walk_over, _ = operand(name, at - READ - 1)
            m.d.comb += getattr(self, f"{name}_enable").eq(walk_over.inside & on)
            words = self._codes(m, name, walk_over, command[f"{name}_storage"], (Storage.BF16, Storage.FP32))
            bf16 = command[f"{name}_storage"] == Storage.BF16
            values = [Mux(bf16, Cat(Const(0, 16), word[:16]), word) & on.replicate(32) for word in words]
            with m.If(busy & on):
                operands.append([delay(m, value, f"{name}{i}", reset_less=True) for i, value in enumerate(values)])

        m.submodules.scalars = scalars = self._scalars
        m.submodules.reducer = reducer = self._reducer
        adds = walker("adds", X - 1)
        factors = walker("factors", FACTOR - 1)
        m.d.comb += [
            scalars.add_address.eq(command.add_slot + adds.row),
            scalars.multiply_address.eq(command.multiply_slot + factors.row),
            scalars.multiply_inverse.eq(command.multiply_inverse),
        ]
        masked = self._masked(m, walker("limits", Y - MASK), command)
        values, stored = [], []
        for i in range(lanes):
            lane = self._lane.instantiate(m, f"lane{i}")
            control = lane.control
            m.d.comb += [
                control[part].eq(command[part]) for part in ("add", "multiply", "function", "square", "b", "c")
            ]
            m.d.comb += [
                control.storage.eq(command.a_storage),
                control.out_storage.eq(command.d_storage),
                lane.enable.eq(busy),
                lane.code.eq(codes[i]),
                lane.negate.eq(negate),
                lane.add.eq(scalars.add),
                lane.multiply.eq(scalars.multiply),
                lane.b.eq(operands[0][i]),
                lane.c.eq(operands[1][i]),
                lane.masked.eq(masked[i]),
            ]
            values.append(lane.y)
            stored.append(lane.stored)

        steps_of = walker("reductions", Y)
        m.d.comb += [
            reducer.reduce.eq(Mux(busy, command.reduce, Reduce.NONE)),
            reducer.first.eq(steps_of.step < INTERVAL),
            reducer.begins.eq(steps_of.step == 0),
            reducer.ends.eq(steps_of.row_ends),
            reducer.values.eq(Cat(values)),
            reducer.masked.eq(delay(m, masked, "masked", cycles=MASK)),
            scalars.start.eq(start),
            scalars.valid.eq(reducer.valid),
            scalars.reduced.eq(reducer.result),
            scalars.scale.eq(command.scale),
            scalars.offset.eq(command.offset),
            scalars.inverse.eq(command.inverse),
            scalars.slot.eq(command.out_slot),
        ]
        d, size = operand("d", D)
        self._write(m, d, size, stored, command)
        self._end(m, command, start, d.last, scalars.done)
        return m

    def _control(self, m: Module):
        """Take a command; return it, whether it is under way, its steps, a row's cycles, and when its first address is
        a cycle away."""
        command = Signal(command_layout(self.config), name="command")
        busy, taken = Signal(name="busy"), Signal(name="taken")
        m.d.comb += [self.commands.ready.eq(~busy), taken.eq(self.commands.valid & self.commands.ready)]
        with m.If(taken):
            m.d.sync += [command.eq(self.commands.p), busy.eq(1)]
        with m.Elif(self.done):
            m.d.sync += busy.eq(0)
        made = Signal(SIZE_BITS, name="steps_made")
        steps, period = Signal(SIZE_BITS), Signal(SIZE_BITS)
        m.d.comb += made.eq((command.columns + (self.config.lanes - 1)) >> self.config.levels)
        padded = command.reduce.any() & (made < INTERVAL)
        m.d.sync += [steps.eq(made), period.eq(Mux(padded, INTERVAL, made))]
        m.submodules.check = check = Check(config=self.config)
        assert Check.LATENCY + 1 == START - 1
        begin, start = delay(m, taken, "begin", cycles=START - 1), Signal()
        m.d.comb += [
            check.command.eq(command),
            check.steps.eq(made),
            self.error.eq(check.error & begin.replicate(4)),
            start.eq(begin & ~check.error.any()),
        ]
        return command, busy, steps, period, start

    def _codes(self, m: Module, name: str, walker: Walker, storage: Value, known: tuple[Storage, ...]) -> list[Value]:
        """Return the code of each lane, a cycle after the walker's address."""
        lanes = self.config.lanes
        word = getattr(self, f"{name}_data")
        m.d.comb += getattr(self, f"{name}_address").eq(walker.address[2:])
        part = delay(m, walker.address[:2], f"{name}_part", cycles=READ)
        codes = []
        for lane in range(lanes):
            code = Signal(32, name=f"{name}_code{lane}")
            with m.Switch(storage):
                for each in known:
                    if each is not Storage.FP32:
                        bits = 8 << each
                        with m.Case(each), m.Switch(part >> each):
                            for at in range(32 // bits):
                                with m.Case(at):
                                    m.d.comb += code.eq(word.word_select(at * lanes + lane, bits))
                with m.Default():
                    m.d.comb += code.eq(word.word_select(lane, 32))
            codes.append(code)
        return codes

    def _masked(self, m: Module, walker: Walker, command) -> Value:
        """Return which lanes do not count."""
        lanes = self.config.lanes
        limit, begin = Signal(SIZE_BITS + 2), Signal(SIZE_BITS + 1)
        causal = command.mask_base + walker.row + 1
        m.d.comb += [
            limit.eq(Mux(command.causal & (causal < command.columns), causal, command.columns)),
            begin.eq(walker.step << self.config.levels),
        ]
        return Cat(~walker.inside | (begin + lane >= limit) for lane in range(lanes))

    def _write(self, m: Module, walker: Walker, size: Value, stored: list[Value], command) -> None:
        """Put results together and write them."""
        lanes = self.config.lanes
        data, quarters = Signal(self.config.word_bits), Signal(4)
        address, mask = Signal.like(self.d_address), Signal.like(self.d_mask)
        part, place = walker.address[:2], walker.address[: self.config.levels]
        m.d.comb += [address.eq(walker.address[2:]), mask.eq(Cat(bit.replicate(lanes) for bit in quarters))]
        with m.Switch(size):
            with m.Case(Storage.INT8):
                m.d.comb += [data.eq(Cat(code[:8] for code in stored).replicate(4)), quarters.eq(1 << part)]
            with m.Case(Storage.BF16):
                m.d.comb += [
                    data.eq(Cat(code[:16] for code in stored).replicate(2)),
                    quarters.eq(Mux(part[1], 0b1100, 0b0011)),
                ]
            with m.Default():
                m.d.comb += [data.eq(Cat(stored)), quarters.eq(0b1111)]
        with m.If(command.scatter):
            m.d.comb += [
                data.eq(stored[0].replicate(lanes)),
                address.eq(walker.address[self.config.levels :]),
                mask.eq(Const(0b1111) << (place << 2)),
            ]
        m.d.comb += [
            self.d_enable.eq(walker.inside & command.write),
            self.d_address.eq(address),
            self.d_mask.eq(mask),
            self.d_data.eq(data),
        ]

    def _end(self, m: Module, command, start: Value, written: Value, reduced: Value) -> None:
        """Drive the end of a command: the last element and the last row's scalars are written."""
        rows = Signal(SIZE_BITS)
        last_reduced = reduced & (rows == command.rows - 1)
        with m.If(start):
            m.d.sync += rows.eq(0)
        with m.Elif(reduced):
            m.d.sync += rows.eq(rows + 1)
        ended = Mux(command.reduce == Reduce.NONE, written, last_reduced)
        m.d.comb += self.done.eq(ended | self.error.any())
