"""The bench around arithmetic units, as gateware: stimuli, expected results, random waits, and the comparison.

A run needs no Python between its first and its last cycle.
"""

from collections.abc import Callable, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.cocotb_tests.harness.streams import StreamContract, StreamGate
from tilewright.hw.arith.unit import Unit
from tilewright.hw.definition import Definition
from tilewright.hw.memory.storage import SimulationStorage
from tilewright.hw.verilog import convert

TOP = "arith_harness"
"""Name of the top module."""
LINE_WORDS = 32
"""Number of words of either memory that the bench writes at a time."""
ALWAYS = 256
"""Share of all cycles."""
COUNTS = (
    "accepted", "received", "cycles", "mismatches", "strays", "late", "first_mismatch",
)  # fmt: skip
"""Names of the counters of a channel."""

Care = Callable[[Any], Value]
"""Function from a result to the mask of the bits that have a meaning."""


def word_bytes(bits: int) -> int:
    """Return the number of bytes that a word takes in a line."""
    return -(-bits // 8)


def ends(unit: Any) -> Value:
    """Return whether an operand has a result: always, except in dot products and sums."""
    shape = unit.i.p.shape()
    return unit.i.p.last if isinstance(shape, data.StructLayout) and "last" in shape.members else Const(1)


class Channel(wiring.Component):
    """Streams stored stimuli through one unit and compares its results with stored ones.

    Parameters
    ----------
    unit : Unit
        What is tested.
    depth : int
        Capacity of either memory, in words; a multiple of ``LINE_WORDS``.
    seed : int
        Of the channel's random waits; not 0.
    latency : int, optional
        Cycles from an operand to its result; the unit's ``LATENCY`` if not given.
    care : Care, optional
        Which bits of a result to compare; all if not given.
    definition : Definition, optional
        The unit as a module of its own, with the ports that it has when it is generated alone.

    Members
    -------
    run : In(1)
        Cycle 0 is the first with ``run``. Without it nothing is offered, counters but ``strays`` are zero.
    exact : In(1)
        Count results that come before or after their time: nothing may stall.
    start, results_start, count, results : In(32)
        The first stimulus and result, and how many.
    gap_share, stall_share : In(9)
        In how many of 256 cycles nothing new is offered, no result is taken.
    write_enable, address, stimuli, expected : In
        Writes a line of either memory.
    done : Out(1)
        All stimuli and all results have been taken.
    accepted, received : Out(32)
        Stimuli and results taken.
    cycles : Out(32)
        Cycles up to the last result so far, including its own.
    mismatches, first_mismatch : Out(32)
        Results that are not what is expected, and the number of the first one.
    got, wanted : Out
        This result, and what it should be.
    strays : Out(32)
        Cycles in which there is a result of nothing, since reset.
    late : Out(32)
        With ``exact``, cycles in which a result is offered or not offered wrongly.
    contract_broken : Out(1)
        The unit withdrew or changed an offer before it was taken.
    """

    def __init__(
        self,
        unit: Unit,
        *,
        depth: int,
        seed: int,
        latency: int | None = None,
        care: Care | None = None,
        definition: Definition | None = None,
    ):
        self.unit = unit
        self._definition = definition
        self._latency = unit.LATENCY if latency is None else latency
        self._depth, self._seed, self._care = depth, seed, care
        self._i_bits, self._o_bits = len(Value.cast(unit.i.p)), len(Value.cast(unit.o.p))
        super().__init__(
            {
                **inputs(self._i_bits, self._o_bits, depth),
                **{name: Out(32) for name in COUNTS},
                "done": Out(1),
                "contract_broken": Out(1),
                "got": Out(self._o_bits),
                "wanted": Out(self._o_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        unit: Any = self._definition.instantiate(m, "unit") if self._definition else self.unit
        if unit is self.unit:
            m.submodules.unit = unit
        gap, stall, noise = self._random(m)
        stalls = not isinstance(unit.o.ready, Const)
        if stalls:
            m.d.comb += unit.o.ready.eq(self.run & ~stall)
        ready = self.run & ~stall if stalls else Const(1)

        stimuli = self._stimuli(m)
        m.submodules.gate = gate = StreamGate(self._i_bits)
        wiring.connect(m, stimuli, gate.i)
        m.d.comb += [
            gate.block.eq(gap),
            # Without an offer there is anything.
            Value.cast(unit.i.p).eq(Mux(gate.o.valid, gate.o.p, noise)),
            unit.i.valid.eq(gate.o.valid),
            gate.o.ready.eq(unit.i.ready),
        ]
        accepts = Signal()
        m.d.comb += accepts.eq(gate.o.valid & gate.o.ready)
        self._check(m, unit, accepts, ready)
        return m

    def _random(self, m: Module) -> tuple[Value, Value, Value]:
        """Return whether to wait in this cycle, before and behind the unit, and an operand that is none."""
        # G. Marsaglia, "Xorshift RNGs", 2003.
        state, one, two, next_state = (Signal(32, init=self._seed), *(Signal(32) for _ in range(3)))
        m.d.comb += [
            one.eq(state ^ (state << 13)),
            two.eq(one ^ (one >> 17)),
            next_state.eq(two ^ (two << 5)),
        ]
        m.d.sync += state.eq(next_state)
        gap, stall = Signal(), Signal()
        m.d.comb += [gap.eq(state[4:12] < self.gap_share), stall.eq(state[20:28] < self.stall_share)]
        return gap, stall, Cat(state.rotate_left(5 * k) for k in range(-(-self._i_bits // 32)))[: self._i_bits]

    def _memory(self, m: Module, name: str, bits: int, position: Value) -> Value:
        """Return the word of a memory at a position."""
        slot = 8 * word_bytes(bits)
        m.submodules[name] = memory = SimulationStorage(width=slot * LINE_WORDS, depth=self._depth // LINE_WORDS)
        within = (LINE_WORDS - 1).bit_length()
        m.d.comb += [
            memory.write_enable.eq(self.write_enable),
            memory.write_address.eq(self.address),
            memory.write_data.eq(getattr(self, name)),
            memory.read_address.eq(position >> within),
        ]
        return memory.read_data.word_select(position[:within], slot)[:bits]

    def _stimuli(self, m: Module):
        """Return the stored stimuli as a stream."""
        stimuli = stream.Signature(self._i_bits).create(path=("stimulus",))
        m.d.comb += [
            stimuli.p.eq(self._memory(m, "stimuli", self._i_bits, self.start + self.accepted)),
            stimuli.valid.eq(self.run & (self.accepted < self.count)),
        ]
        with m.If(~self.run):
            m.d.sync += self.accepted.eq(0)
        with m.Elif(stimuli.valid & stimuli.ready):
            m.d.sync += self.accepted.eq(self.accepted + 1)
        return stimuli

    def _check(self, m: Module, unit: Any, accepts: Value, ready: Value) -> None:
        result = Value.cast(unit.o.p)
        wanted = self._memory(m, "expected", self._o_bits, self.results_start + self.received)
        care = Const(-1, self._o_bits) if self._care is None else self._care(unit.o.p)
        expects, taken, wrong = Signal(), Signal(), Signal()
        cycle, outstanding = Signal(32), Signal(32)
        m.d.comb += [
            expects.eq(accepts & ends(unit)),
            taken.eq(unit.o.valid & ready),
            wrong.eq(((result ^ wanted) & care).any()),
            self.done.eq(self.run & (self.accepted == self.count) & (self.received == self.results)),
        ]
        m.d.sync += outstanding.eq(outstanding + expects - taken)
        # A combinational result is there together with what it is made of.
        present = outstanding.any() if self._latency else unit.i.valid & ends(unit)
        with m.If(unit.o.valid & ~present):
            m.d.sync += self.strays.eq(self.strays + 1)
        due = expects
        for _ in range(self._latency):
            later = Signal()
            m.d.sync += later.eq(due)
            due = later
        with m.If(~self.run):
            m.d.sync += [getattr(self, name).eq(0) for name in COUNTS if name not in ("accepted", "strays")]
            m.d.sync += cycle.eq(0)
        with m.Else():
            m.d.sync += cycle.eq(cycle + 1)
            with m.If(self.exact & (unit.o.valid ^ due)):
                m.d.sync += self.late.eq(self.late + 1)
            with m.If(taken):
                m.d.sync += [
                    self.received.eq(self.received + 1),
                    self.cycles.eq(cycle + 1),
                    self.mismatches.eq(self.mismatches + wrong),
                ]
                with m.If(wrong & (self.mismatches == 0)):
                    m.d.sync += [
                        self.first_mismatch.eq(self.results_start + self.received),
                        self.got.eq(result),
                        self.wanted.eq(wanted),
                    ]
        m.submodules.contract = contract = StreamContract(self._o_bits)
        m.d.comb += [
            # Bits that mean nothing must stand still like the others.
            contract.payload.eq(result),
            contract.valid.eq(unit.o.valid),
            contract.ready.eq(ready),
        ]
        with m.If(contract.broken):
            m.d.sync += self.contract_broken.eq(1)


def inputs(i_bits: int, o_bits: int, depth: int) -> dict:
    """Return the inputs of a channel, which all channels of a harness share."""
    return {
        "run": In(1),
        "exact": In(1),
        **{name: In(32) for name in ("start", "results_start", "count", "results")},
        "gap_share": In(9),
        "stall_share": In(9),
        "write_enable": In(1),
        "address": In(range(depth // LINE_WORDS)),
        "stimuli": In(8 * word_bytes(i_bits) * LINE_WORDS),
        "expected": In(8 * word_bytes(o_bits) * LINE_WORDS),
    }


class ArithHarness(wiring.Component):
    """Units of one function side by side, each in a :class:`Channel` with the same stimuli and expected results.

    Parameters
    ----------
    units : sequence of Unit
        Their streams have the same shapes; stages and back-pressure are their own.
    depth, care
        As for :class:`Channel`.
    latencies : sequence of int, optional
        Of each unit; their ``LATENCY`` if not given.
    alike : bool
        All channels wait in the same cycles, and have the same between operands.
    apart : bool
        Each unit is a module of its own, ``unit0`` and so on, with the ports that it has when it is generated alone.

    Members
    -------
    all inputs of :class:`Channel`, shared; its outputs, an array with one entry for each unit
    done : Out(1)
        All channels are done.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        *,
        depth: int,
        latencies: Sequence[int] | None = None,
        care: Care | None = None,
        alike: bool = False,
        apart: bool = False,
    ):
        latencies = [unit.LATENCY for unit in units] if latencies is None else latencies
        self.definitions = [Definition(f"unit{index}", unit) for index, unit in enumerate(units)] if apart else []
        self._channels = [
            Channel(
                unit,
                depth=depth,
                seed=1 if alike else index + 1,
                latency=latency,
                care=care,
                definition=self.definitions[index] if apart else None,
            )
            for index, (unit, latency) in enumerate(zip(units, latencies, strict=True))
        ]
        members = dict(self._channels[0].signature.members)
        self._inputs = [name for name, member in members.items() if member.flow == In]
        self._outputs = [name for name, member in members.items() if member.flow == Out and name != "done"]
        super().__init__(
            {
                **{name: members[name] for name in self._inputs},
                "done": Out(1),
                **{name: Out(members[name].shape).array(len(units)) for name in self._outputs},
            }
        )

    def elaborate(self, platform):
        m = Module()
        for index, channel in enumerate(self._channels):
            m.submodules[f"channel{index}"] = channel
            m.d.comb += [getattr(channel, name).eq(getattr(self, name)) for name in self._inputs]
            m.d.comb += [getattr(self, name)[index].eq(getattr(channel, name)) for name in self._outputs]
        m.d.comb += self.done.eq(Cat(channel.done for channel in self._channels).all())
        return m


class Beside(Unit):
    """Combinational units with the same operands, their results side by side, the first lowest.

    Parameters
    ----------
    units : sequence of Unit
        Without stages; operands that are narrower than the widest take its low bits, field by field.
    """

    def __init__(self, units: Sequence[Unit]):
        if any(unit.stages or isinstance(unit.o.ready, Const) for unit in units):
            raise ValueError("units side by side must be combinational, with back-pressure")
        self.units = units
        widest = max(units, key=lambda unit: len(Value.cast(unit.i.p)))
        super().__init__(widest.i.p.shape(), sum(len(Value.cast(unit.o.p)) for unit in units))

    def elaborate(self, platform):
        m = Module()
        results = []
        for index, unit in enumerate(self.units):
            m.submodules[f"unit{index}"] = unit
            shape = unit.i.p.shape()
            if isinstance(shape, data.StructLayout):
                m.d.comb += [unit.i.p[name].eq(self.i.p[name]) for name in shape.members]
            else:
                m.d.comb += unit.i.p.eq(self.i.p)
            m.d.comb += [unit.i.valid.eq(self.i.valid), unit.o.ready.eq(self.o.ready)]
            results.append(Value.cast(unit.o.p))
        # One that is not there at its time spoils the others.
        m.d.comb += [
            self.o.p.eq(Cat(*results)),
            self.o.valid.eq(Cat(unit.o.valid for unit in self.units).all()),
            self.i.ready.eq(Mux(Cat(unit.i.ready for unit in self.units).all(), self.o.ready, 0)),
        ]
        return m


def harness_verilog(units: Sequence[Unit], **options: Any) -> str:
    """Return the harness around units as Verilog; ``options`` as for :class:`ArithHarness`."""
    return convert(ArithHarness(units, **options), TOP) + SimulationStorage.SOURCE.read_text()
