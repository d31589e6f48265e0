"""Cycles of one program on many systems: its commands are replayed once, with an array of times for each event.

For any program whose loops end with a fence, as the compiler makes them. The systems have one array, one vector unit
and one scratchpad, so that the program is that of all of them; they differ in clock, memory, and bursts.

Commands are handed over in their order and wait in the queues of their units; each unit begins a command when it has
ended the one before, and has the signals that the command waits for. Loads share a stream of beats at memory's rate, or
at the rate that bursts in flight allow; weights go no further ahead of the array than the weight buffer holds. Of
several commands, that begins first which does so on the systems' average: it has the ports of its banks before the
others.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import (
    Add,
    Command,
    End,
    Fence,
    Load,
    Loop,
    Product,
    Repeat,
    Set,
    Store,
    UnitCommand,
    Vector,
    Weights,
)
from tilewright.sim.isa.depths import LOADS
from tilewright.sim.isa.footprint import bank_ports
from tilewright.sim.isa.units import Unit, units_of
from tilewright.sim.isa.units import Units as UnitSet
from tilewright.sim.machine.accelerator.check import in_banks
from tilewright.sim.machine.accelerator.product import BUFFER_LATENCY, ArrayUnitModel, WeightStream, product_beats
from tilewright.sim.machine.accelerator.program_run import CHECK_CYCLES, QUEUE_LATENCY
from tilewright.sim.machine.cim.array import block_limits
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.vector.unit import command_cycles

from .machine import Machine, Number
from .schedule import STORE
from .units import FIRST_BEAT, REQUEST, Units

LONG_AGO = -(1 << 40)
RATES_TOGETHER = 1.5
"""Ratio of the rates of memory up to which designs are replayed together."""


class ReplayError(Exception):
    """A program cannot be replayed: a command waits for a signal that never comes."""


@dataclass
class _Entry:
    """A command on its way through its unit; times that are not known yet are None."""

    command: UnitCommand
    there: Number
    """Cycle in which the command is at the end of its queue."""
    reads: frozenset[int]
    """Banks whose ports for reading it takes."""
    writes: frozenset[int]
    begin: Number = None
    end: Number = None
    """Cycle in which its effects show."""
    first_beat: int = 0
    """Number of the first beat of weights that it loads or takes, among those of the program."""
    beats: int = 0
    taking: Number = None
    """Cycle in which the first of these beats is taken."""
    pace: Number = None
    """Cycles from a beat that is taken to the next."""


@dataclass
class _Loop:
    """A loop that the processor is in."""

    first: int
    """Number of its first command."""
    left: int
    """Number of runs that are left, that under way included."""
    second: Number = None
    """Cycle in which its second run began."""


@dataclass
class _Lane:
    """A unit with its queue."""

    waiting: deque[_Entry] = field(default_factory=deque)
    begun: list[_Entry] = field(default_factory=list)
    """Commands that the unit has begun, in their order."""
    ready: Number = LONG_AGO
    """Cycle from which on the unit could begin a command."""
    current: _Entry | None = None
    """Command that has begun, and of which something is not known yet."""
    handed: int = 0
    """Number of commands that were handed over."""

    @property
    def under_way(self) -> list[_Entry]:
        """Commands of which some may be under way when another one begins."""
        return self.begun[-LOADS:]


def replay(config: AcceleratorConfig, commands: Sequence[Command], machine: Machine) -> np.ndarray:
    """Return the cycles of a program on designs that are alike but for clock, memory and bursts.

    Designs with about equal rates and latencies of memory, in cycles, are replayed together.

    Parameters
    ----------
    config : AcceleratorConfig
        Accelerator of one of the designs.

    Raises
    ------
    ReplayError
        If a command waits for a signal that no command before it gives.
    """
    cycles = np.empty(len(machine.designs))
    units = Units(machine)
    rates, latencies = np.log(units.rate) / np.log(RATES_TOGETHER), np.log2(machine.latency)
    groups = np.broadcast_to(np.floor(rates) + 1000 * np.floor(latencies), len(cycles))
    for group in np.unique(groups):
        some = np.flatnonzero(groups == group)
        cycles[some] = _Replay(config, commands, Machine(machine.designs.part(some))).run()
    return cycles


class _Replay:
    def __init__(self, config: AcceleratorConfig, commands: Sequence[Command], machine: Machine):
        self.config, self.commands, self.machine, self.units = config, commands, machine, Units(machine)
        self.lanes = {unit: _Lane() for unit in units_of(config)}
        self.signals: dict[tuple[Unit, Unit], deque[Number]] = {}
        self.asked = self.claimed = 0
        self.products: list[_Entry] = []
        self.weights: list[_Entry] = []
        self.there: Number = LONG_AGO  # when all beats that were asked for have come
        self.busy: Number = LONG_AGO  # the same, if the array took weights at once: then beats wait for memory
        self.recent: deque[tuple[Number, Number]] = deque(maxlen=LOADS)
        """Of the last loads, when each began, and ``busy`` as it was then."""
        self.spare: Number = 0.0  # cycles for which loads under way leave places in flight free
        self.loads: deque[Number] = deque(maxlen=LOADS)
        self.last_end: Number = 0.0
        # The processor.
        self.fetch: Number = -1.0
        self.fetched: Number = LONG_AGO
        self.taken: deque[Number] = deque(maxlen=config.fetch_depth)
        self.acted: Number = -1.0
        self.fetch_beats = config.command_beats

    def run(self) -> Number:
        """Return the cycles from start to done."""
        index, skipped = 0, 0.0
        loops: list[_Loop] = []
        while True:
            command = self.commands[index]
            self._take()
            if isinstance(command, End):
                self._wait_for_all()
                return self.acted + 4 + skipped
            if isinstance(command, Fence):
                self._wait_for_all()
            elif isinstance(command, Loop):
                loops.append(_Loop(index + 1, command.count))
            elif isinstance(command, Repeat):
                loop, now = loops[-1], self.acted + skipped
                loop.left -= 1
                if loop.left and loop.second is None:
                    loop.second = now
                    self._fetch_anew()
                    index = loop.first
                    continue
                if loop.left:
                    # The runs that are left take as long as the second one.
                    skipped = skipped + loop.left * (now - loop.second)
                loops.pop()
            elif not isinstance(command, Set | Add):
                self._hand_over(command)
            index += 1

    # The processor.

    def _take(self) -> None:
        """Fetch and take the next command."""
        machine = self.machine
        while self._advance(self.acted):
            pass
        self.fetch = self.fetch + 1
        if len(self.taken) == self.taken.maxlen:
            self.fetch = np.maximum(self.fetch, self.taken[0] + 1)
        slots = self.fetch_beats / machine.peak_rate
        # Beats that were asked for before come before: as many as may be in flight.
        behind = self.fetch + machine.outstanding * machine.burst_beats * self.units.load_cycles
        alone = self.fetch + (machine.latency + 2)
        before = self.busy
        for begin, busy in reversed(self.recent):
            before = np.where(begin > self.fetch, busy, before)
        arrived = np.maximum(alone, np.minimum(before, behind)) + slots
        # A fetch takes the slots of its beats, and the place of a burst in flight, which loads may have to spare.
        place = (machine.latency + REQUEST + slots) / machine.outstanding
        taken = np.where(self.busy > alone, np.maximum(place - slots, 0.0), 0.0)
        spared = np.minimum(self.spare, taken)
        self.spare = self.spare - spared
        delay = np.where(self.busy > alone, slots + taken - spared, 0.0)
        self.busy, self.there = self.busy + delay, self.there + delay
        self.fetched = np.maximum(arrived, self.fetched + slots)
        took = np.maximum(self.acted + 1, self.fetched + QUEUE_LATENCY)
        self.taken.append(took)
        self.acted = took + CHECK_CYCLES

    def _fetch_anew(self) -> None:
        """Drop what was fetched ahead, and fetch again."""
        # After each of the last commands one more was fetched.
        last = self.taken[-1] + 1 + self.machine.latency + 2 + self.fetch_beats / self.machine.peak_rate
        self.taken.clear()
        self.fetch = np.maximum(self.acted + 1, last + 1)

    def _wait_for_all(self) -> None:
        """Let the processor go on when all units have ended all commands."""
        while any(lane.waiting or lane.current for lane in self.lanes.values()):
            self._advance()
        self.acted = np.maximum(self.acted, self.last_end)

    def _hand_over(self, command: UnitCommand) -> None:
        lane = self.lanes[command.UNIT]
        place = lane.handed - self.config.queue_depth
        if place >= 0:
            while place >= len(lane.begun):
                self._advance()
            self.acted = np.maximum(self.acted, lane.begun[place].begin + 1)
        entry = _Entry(command, self.acted + QUEUE_LATENCY, *bank_ports(self.config, command))
        if isinstance(command, Weights):
            entry.beats = command.all_beats
        elif isinstance(command, Product):
            entry.beats = product_beats(self.config, command)
        lane.waiting.append(entry)
        lane.handed += 1

    # The units.

    def _advance(self, until: Number = None) -> bool:
        """Begin the command that can begin first, and end all whose times are then known; return whether there was one.

        Parameters
        ----------
        until : array, optional
            Cycle at which the command begins at the latest, on the systems' average.

        Raises
        ------
        ReplayError
            If no command can begin or end, though one should.
        """
        begins = {unit: begin for unit in self.lanes if (begin := self._can_begin(unit)) is not None}
        first = min(begins, key=lambda unit: (float(np.mean(begins[unit])), unit), default=None)
        late = first is not None and until is not None and np.mean(begins[first]) > np.mean(until)
        if first is not None and not late:
            self._begin(first, begins[first])
        ended = [unit for unit, lane in self.lanes.items() if self._end(unit, lane)]
        if until is None and first is None and not ended:
            raise ReplayError("a command waits for a signal that never comes")
        return bool(ended) or (first is not None and not late)

    def _can_begin(self, unit: Unit) -> Number:
        """Return the cycle in which the next command of a unit can begin; None if that is not known."""
        lane = self.lanes[unit]
        if lane.current is not None or not lane.waiting:
            return None
        entry = lane.waiting[0]
        begin = np.maximum(entry.there, lane.ready)
        for giver in self._givers(entry):
            given = self.signals.get((giver, unit))
            if not given:
                return None
            begin = np.maximum(begin, given[0])
        for other in self.lanes.values():
            for held in other.under_way if other is not lane else ():
                if entry.reads & held.reads or entry.writes & held.writes:
                    if held.end is None:
                        return None
                    begin = np.where((held.begin <= begin) & (begin < held.end), held.end, begin)
        return begin

    def _givers(self, entry: _Entry) -> list[Unit]:
        return [giver for giver in self.lanes if entry.command.wait >> giver & 1]

    def _begin(self, unit: Unit, begin: Number) -> None:
        """Begin the next command of a unit."""
        lane = self.lanes[unit]
        entry = lane.current = lane.waiting.popleft()
        for giver in self._givers(entry):
            self.signals[giver, unit].popleft()
        entry.begin = begin
        lane.begun.append(entry)
        if isinstance(entry.command, Weights):
            entry.first_beat, self.asked = self.asked, self.asked + entry.beats
        elif isinstance(entry.command, Product):
            entry.first_beat, self.claimed = self.claimed, self.claimed + entry.beats
            entry.taking = begin + FIRST_BEAT
            entry.pace = np.maximum(self.units.weight_cycles, self._cycles(entry).taking / entry.beats)
            self.products.append(entry)

    def _end(self, unit: Unit, lane: _Lane) -> bool:
        """End the command that a unit has begun; return whether its times are all known."""
        entry = lane.current
        if entry is None:
            return False
        command = entry.command
        match command:
            case Load() | Weights():
                if not self._load(lane, entry):
                    return False
            case Product():
                if not self._product(entry):
                    return False
                lane.ready = entry.end
            case Vector():
                inside = in_banks(self.config, command)
                entry.end = lane.ready = entry.begin + command_cycles(self.config.vector, inside)
            case Store():
                entry.end = lane.ready = entry.begin + self._store_cycles(command)
            case _:
                raise ReplayError(f"a command of unit {unit.label} cannot be replayed")
        lane.current = None
        self.last_end = np.maximum(self.last_end, entry.end)
        for taker in self.lanes:
            if command.signal >> taker & 1:
                self.signals.setdefault((unit, taker), deque()).append(entry.end)
        return True

    def _load(self, lane: _Lane, entry: _Entry) -> bool:
        """Ask for all beats of a load, if it is known when the weight buffer has room for them."""
        command, machine = entry.command, self.machine
        assert isinstance(command, Load | Weights)
        taken: Number = None
        last = entry.first_beat + entry.beats - self.config.weight_buffer_beats - 1
        if isinstance(command, Weights) and last >= 0:
            taken = self._taken(last)
            if taken is None:
                return False
        bursts = command.rows * command.planes * np.ceil(command.beats / machine.burst_beats)
        mean = command.all_beats / bursts
        round_trip = self.units.round_trip - (machine.burst_beats - mean) / machine.peak_rate
        slots = np.maximum(1 / machine.peak_rate, round_trip / (machine.outstanding * mean))
        slots = slots / self.units.share(round_trip, mean)
        begin = entry.begin + (machine.latency + REQUEST)
        there = np.maximum(self.there, begin) + command.all_beats * slots
        self.recent.append((entry.begin, self.busy))
        in_flight = bursts * round_trip / machine.outstanding
        self.spare = np.where(self.busy > begin, self.spare, 0.0) + np.maximum(
            command.all_beats * slots - in_flight, 0.0
        )
        self.busy = np.maximum(self.busy, begin) + command.all_beats * slots
        asked = np.maximum(entry.begin + bursts, there - machine.outstanding * mean * slots)
        if taken is not None:
            there = np.maximum(there, taken + (machine.latency + REQUEST + 1))
            asked = np.maximum(asked, taken + 1)
        self.there, entry.end, lane.ready = there, there + 1, asked + 1
        if len(self.loads) == LOADS:
            lane.ready = np.maximum(lane.ready, self.loads[0])
        self.loads.append(entry.end)
        if isinstance(command, Weights):
            self.weights.append(entry)
        return True

    def _taken(self, beat: int) -> Number:
        """Return the cycle in which a beat of weights is taken; None if its product has not begun."""
        for product in reversed(self.products):
            if product.first_beat <= beat < product.first_beat + product.beats:
                return product.taking + (beat - product.first_beat) * product.pace
        return None

    def _product(self, entry: _Entry) -> bool:
        """End a product, if all its weights have been asked for."""
        assert isinstance(entry.command, Product)
        last = entry.first_beat + entry.beats - 1
        load = next((each for each in reversed(self.weights) if each.first_beat <= last), None)
        if load is None or load.first_beat + load.beats <= last:
            return False
        cycles = self._cycles(entry)
        entry.end = np.maximum(load.end + (BUFFER_LATENCY + cycles.tail), entry.begin + (cycles.alone + 1))
        entry.pace = np.maximum(entry.pace, (load.end - entry.taking) / entry.beats)
        return True

    def _cycles(self, entry: _Entry) -> "_ProductCycles":
        assert isinstance(entry.command, Product)
        # Neither its places nor its signals matter.
        none = UnitSet.NONE
        alike = replace(entry.command, a=0, a_pitch=0, out=0, out_pitch=0, wait=none, signal=none)
        return _product_cycles(self.config, alike)

    def _store_cycles(self, command: Store) -> Number:
        """Return the cycles of a store: of its elements, of the bursts in flight, or of memory."""
        machine, rows = self.machine, command.rows * command.planes
        beats = -(-command.row_bytes // self.config.bus_bytes)
        bursts = rows * np.ceil(beats / machine.burst_beats)
        round_trip = machine.latency + 4
        flight = bursts * np.maximum(round_trip / machine.outstanding, 2.0) / self.units.share(round_trip, beats)
        slots = rows * beats * self.units.store_cycles
        return np.maximum(np.maximum(rows * command.count, flight), slots) + (machine.latency + STORE)


_Shape = tuple[int, int, int, bool]


@dataclass(frozen=True)
class _ProductCycles:
    """Cycles of a product, on the exact model of the array."""

    alone: int
    """Cycles if all its weights are there."""
    taking: int
    """Cycles of these from the first beat of weights that it takes to the last one."""
    tail: int
    """Cycles from the last beat of weights to the end, if the weights are what it waits for."""


@cache
def _product_cycles(config: AcceleratorConfig, product: Product) -> _ProductCycles:
    """Return the cycles of a product."""
    alone, last = _alone(config, product)
    # After the last beat comes the last block alone.
    high, wide = block_limits(config.cim_array, product.reduce)
    block = replace(product, k=(product.k - 1) % high + 1, n=(product.n - 1) % wide + 1)
    end, last_of_block = _alone(config, block)
    return _ProductCycles(alone, last - FIRST_BEAT, end - last_of_block)


def _alone(config: AcceleratorConfig, product: Product) -> tuple[int, int]:
    """Return the cycles in which a product that begins in cycle 0 ends, and in which it takes its last beat of weights,
    if these are all there."""
    stream, beats = WeightStream(AxiMemoryModel()), product_beats(config, product)
    stream.ask(LONG_AGO, beats)
    [done] = ArrayUnitModel(config, stream).run_product(product, 0)
    last = stream.taken(beats - 1)
    assert done is not None
    assert last is not None
    return done, last
