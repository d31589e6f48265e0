"""One run of a program on the exact model of the accelerator: the cycle of every event.

Events are kept in a heap; between them nothing is looked at. An event is a change that shows in a cycle, or the
question whether something can go on in it: all changes of a cycle come before its questions, as registers do before
logic. Times count from the first cycle in which a read address is offered: from then on memory counts, too.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import (
    Add,
    Command,
    End,
    Fence,
    Jobs,
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
from tilewright.sim.isa.depths import CHECK, LOADS, START
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.units import Unit, signal_bits, units_of
from tilewright.sim.isa.vector_command import VectorError
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, COMMAND_BYTES, LOOP_LEVELS, SEMAPHORE_BITS
from tilewright.sim.machine.bus.axi_master import NEVER, bursts
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

from .check import refusal
from .jobs import JobRun, JobsModel
from .prepared import PreparedCommand, prepare
from .product import ArrayUnitModel, WeightStream
from .recurrence import Recurrence, even_bursts
from .saturation import request_ahead
from .spans import Span
from .store import StoreModel

MAX_ELEMENTS = 1 << 24
"""Number of elements of the largest command whose values the model computes, if the scratchpad is not larger; such a
command takes some 500 MB."""
FIRST_FETCH = -1
"""Cycle in which the first command is requested."""
START_TO_FETCH = 1
"""Cycles for which a program runs before its first request."""
QUEUE_LATENCY = 2
"""Cycles from the entry of a command, or a beat, into a queue to its arrival at the queue's end."""
CHECK_CYCLES = CHECK + 1
"""Cycles from the acceptance of a command to its execution or its hand-over to a unit."""


class CycleLimitError(Exception):
    """A program did not end within the cycles that it was given; ``index`` is the number of its command."""

    def __init__(self, index: int):
        super().__init__(f"the program did not end and had come to command {index}")
        self.index = index


@dataclass
class AcceleratorRun:
    """Result of a program's run."""

    cycles: int
    """Cycles from start to done, as in register CYCLES; for a stopped program, cycles up to the stop."""
    error: AcceleratorError = AcceleratorError.NONE
    detail: int = 0
    index: int = 0
    """Number of the command at which the program was stopped."""
    counters: dict[Register, int] = field(default_factory=dict)
    """Values of the registers from COMMANDS on; empty for a stopped program."""
    spans: list[Span] = field(default_factory=list)
    """Spans of the run, if a timeline was asked for."""
    npe_bytes: int = 0
    """Number of bytes that the NPE's port moved."""


@dataclass(slots=True)
class _Entry:
    """A command on its way to its unit."""

    prepared: PreparedCommand
    index: int
    register_value: int
    there: int
    """Cycle in which the command is at the end of its queue, if no other command is before it."""
    begin: int = 0
    failed: bool = False
    """Whether memory has answered a load with an error."""

    @property
    def command(self) -> UnitCommand:
        """The command itself."""
        return self.prepared.command


class _Lane:
    """A unit with its queue."""

    def __init__(self) -> None:
        self.waiting: deque[_Entry] = deque()
        self.level = 0
        """Number of commands in the queue, as the command processor sees it."""
        self.under_way: deque[_Entry] = deque()
        self.head = 0
        """Cycle in which the first command of the queue is there."""
        self.ready: int | None = NEVER
        """Cycle from which on the unit could begin a command, if it is known."""
        self.signalled: int | None = None
        """Cycle in which the signals for the first command were there."""
        self.done = NEVER
        """Cycle in which the last command ended."""
        self.busy = self.no_signal = self.no_bank = 0


class ProgramRun:
    """One run of a program; a subclass can watch it."""

    def __init__(
        self,
        config: AcceleratorConfig,
        timing: AxiMemoryModel,
        fetch: Callable[[int], Command | AcceleratorError],
        execute: Callable[[UnitCommand, int], None] | None,
        memory_bytes: int | None,
        bad_address: int | None,
        timeline: bool,
        jobs: JobsModel | None,
        max_cycles: int | None = None,
    ):
        self.config, self.timing, self.max_cycles = config, timing, max_cycles
        self.command_at, self.execute = fetch, execute
        self.memory_bytes, self.bad_address, self.timeline = memory_bytes, bad_address, timeline
        self.jobs, self.job = jobs, 0
        self.job_run: JobRun | None = None
        self.units = units_of(config)
        self.lanes = [_Lane() for _ in range(signal_bits(config))]
        self.semaphores = [[0] * len(self.lanes) for _ in self.lanes]
        self.stream = WeightStream(timing)
        self.array = ArrayUnitModel(config, self.stream) if config.cim is not None else None
        self.stores = StoreModel(config, timing)
        self.product: Iterator[int | None] | None = None
        # The load that asks for bursts, the next of these, and the bursts behind it.
        self.asking: _Entry | None = None
        self.weights = False
        """Whether that load brings weights."""
        self.burst = 0, 0
        self.bursts_behind: Iterator[tuple[int, int]] = iter(())
        self.burst_number = self.even_bursts = 0
        """Number of that burst, and of all bursts of the load if they are equal, or 0. Nobody asks for the addresses of
        equal bursts, nor for those behind one."""
        # The processor.
        self.program = 0
        self.index = self.fetch_index = 0
        self.registers = [0] * 16
        self.loops: list[list[int]] = []
        self.fetched: deque[tuple[int, bool]] = deque()
        self.ahead = 0
        self.fetching_until: int | None = None
        self.taking: int | None = FIRST_FETCH  # from when on a command can be taken
        self.acting: int | None = None  # from when on the command at hand can be run
        self.command: Command | AcceleratorError = End()
        self.prepared: dict[int, PreparedCommand] = {}
        """The commands of units that ran last, by their number in the program."""
        # The reader.
        self.flight: deque[int] = deque()
        self.last_beat = NEVER
        self.last_fetch = NEVER
        self.granted = NEVER
        # Events.
        self.heap: list[tuple[int, int, Callable[..., None] | None, Any]] = []
        """Events: twice the cycle, and one more for a question; their number; a change and its argument, or a question
        instead of the argument."""
        self.number = 0
        self.asked: set[tuple[int, str]] = set()
        self.errors: list[tuple[int, int, AcceleratorError, int, int]] = []
        self.done: int | None = None
        self.commands = self.read_beats = 0
        self.spans: list[Span] = []
        self.recurrence: Recurrence | None = None
        self.skipped = 0
        """Cycles of iterations of loops that went as those before."""

    # Events

    def change(self, time: int, what: Callable[..., None], argument: Any = None) -> None:
        """Note that something changes in a cycle."""
        self.number += 1
        heapq.heappush(self.heap, (2 * time, self.number, what, argument))

    def ask(self, time: int, question: Callable[[int], None]) -> None:
        """Check in a cycle whether something can go on."""
        key = time, question.__name__
        if key not in self.asked:
            self.asked.add(key)
            self.number += 1
            heapq.heappush(self.heap, (2 * time + 1, self.number, None, question))

    def fail(self, time: int, priority: int, error: AcceleratorError, index: int, detail: int = 0) -> None:
        """Note an error; among several errors of a cycle the one with the lowest priority number counts."""
        self.errors.append((time, priority, error, index, detail))

    def run(self) -> AcceleratorRun:
        """Run to the end."""
        # The last cycle in which a program may end that takes no more cycles.
        limit = None if self.max_cycles is None else self.max_cycles + FIRST_FETCH - START_TO_FETCH - 1
        self.ask(FIRST_FETCH, self.grant)
        while self.heap and self.done is None:
            key, _, what, argument = heapq.heappop(self.heap)
            time = key >> 1
            if self.errors:
                if time > min(self.errors)[0] + 1:
                    break
            elif limit is not None and time > limit:
                raise CycleLimitError(self.index)
            if what is None:
                self.asked.discard((time, argument.__name__))
                argument(time)
            else:
                what(time, argument)
        if self.errors:
            time, _, error, index, detail = min(self.errors)
            return AcceleratorRun(time - FIRST_FETCH + START_TO_FETCH, error, detail, index, spans=self.spans)
        if self.done is None:
            return AcceleratorRun(0, AcceleratorError.DEADLOCK, 0, self.index, spans=self.spans)
        cycles = self.done + self.skipped - FIRST_FETCH + START_TO_FETCH + 1
        moved = self.jobs.bytes_moved if self.jobs is not None else 0
        return AcceleratorRun(cycles, counters=self._counters(), spans=self.spans, npe_bytes=moved)

    def _counters(self) -> dict[Register, int]:
        counters = {
            Register.COMMANDS: self.commands,
            Register.READ_BEATS: self.read_beats,
            Register.WRITE_BEATS: self.stores.beats,
        }
        if self.array is not None:
            counters[Register.ARRAY_WEIGHTS] = self.stream.starved
        for unit in self.units:
            lane = self.lanes[unit]
            counters[Register[f"{unit.name}_BUSY"]] = lane.busy
            counters[Register[f"{unit.name}_SIGNAL"]] = lane.no_signal
            if unit is not Unit.NPE:
                counters[Register[f"{unit.name}_BANK"]] = lane.no_bank
        return dict(sorted(counters.items()))

    # The bus

    def grant(self, time: int) -> None:
        """Let a burst be offered in the next cycle: a command's before a load's."""
        flight = self.flight
        while True:
            if time <= self.granted:
                self.ask(self.granted + 1, self.grant)
                return
            while flight and flight[0] < time:
                flight.popleft()
            following = time + 1
            if len(flight) >= self.config.outstanding:
                following = flight[0] + 1
            elif self.fetches(time):
                self._fetch(time)
            elif self.asking is None or time <= self.asking.begin:
                return
            else:
                possible = self._credit()
                if possible is None:
                    return
                if possible > time:
                    following = possible
                elif self.even_bursts and (granted := request_ahead(self, time)) is not None:
                    following = granted + 1
                else:
                    self._load(time)
            # What comes in between may want the bus before.
            if self.heap and self.heap[0][0] <= 2 * following + 1:
                self.ask(following, self.grant)
                return
            time = following

    def fetches(self, time: int) -> bool:
        """Return whether the processor asks for its next command in a cycle."""
        return self.ahead < self.config.fetch_depth and (self.fetching_until is None or time <= self.fetching_until)

    def _fetch(self, time: int) -> None:
        beats, beat = self.config.command_beats, self.config.bus_bytes
        last = self.last_fetch = self.timing.read(time + 1, beats)
        self._note(time, last, beats)
        broken = self._bad_beat((self.program + self.fetch_index * COMMAND_BYTES) // beat * beat, beats)
        self.fetched.append((last + QUEUE_LATENCY, broken is not None))
        self.fetch_index += 1
        self.ahead += 1
        if self.taking is not None and len(self.fetched) == 1:
            self.ask(max(self.taking, last + QUEUE_LATENCY), self.take)

    def _bad_beat(self, address: int, beats: int) -> int | None:
        """Return the first beat of a burst that memory answers with an error, if there is one."""
        if self.memory_bytes is None and self.bad_address is None:
            return None
        size = beats * self.config.bus_bytes
        if self.memory_bytes is not None and address + size > self.memory_bytes:
            return 0
        if self.bad_address is not None and address <= self.bad_address < address + size:
            return (self.bad_address - address) // self.config.bus_bytes
        return None

    def _note(self, time: int, last: int, beats: int) -> None:
        self.granted, self.last_beat = time, last
        self.flight.append(last)
        self.read_beats += beats

    def _credit(self) -> int | None:
        """Return the cycle from which on the next burst of the load may be requested; ``None`` if it is not known."""
        assert self.asking is not None
        if not self.weights:
            return NEVER
        needed = self.stream.asked + self.burst[1] - self.config.weight_buffer_beats
        if needed <= 0:
            return NEVER
        taken = self.stream.taken(needed - 1)
        return None if taken is None else taken + 1

    def _load(self, time: int) -> None:
        assert self.asking is not None
        entry, (address, beats) = self.asking, self.burst
        slot, last = self.timing.read_slots(time + 1, beats)
        self._note(time, last, beats)
        bad = self._bad_beat(address, beats)
        if bad is not None:
            self.change(self.timing.arrival(slot + bad), self._load_failed, entry)
        following = self._burst_behind()
        if following is None:
            self.asking = None
            lane = self.lanes[Unit.LOAD]
            lane.ready = time + 1 if len(lane.under_way) < LOADS else None
            self.change(last + 1, self.finish, Unit.LOAD)
            self.ask(time + 1, self.begin)
        else:
            self.burst = following
            self.burst_number += 1
        if self.weights:
            # Values come burst by burst, too: a product may end while others are still to come, or fail.
            if self.execute is not None and bad != 0:
                self.execute(Weights(address=address, beats=beats), 0)
            self.stream.ask(slot, beats)
            if self.product is not None and not self.stream.missing:
                self._go_on(time)
                if self.recurrence:
                    self.recurrence.skip_bursts(self, time)

    def _burst_behind(self) -> tuple[int, int] | None:
        """Return the burst behind the next one of the load, if it has one."""
        if self.even_bursts:
            return self.burst if self.burst_number + 1 < self.even_bursts else None
        return next(self.bursts_behind, None)

    def _load_failed(self, time: int, entry: _Entry) -> None:
        entry.failed = True
        self.fail(time, 0, AcceleratorError.LOAD_BUS, entry.index)

    # The processor

    def take(self, time: int) -> None:
        """Take the next command."""
        if self.taking is None or time < self.taking or not self.fetched or self.fetched[0][0] > time:
            return
        _, broken = self.fetched.popleft()
        self.taking, self.acting = None, time + CHECK_CYCLES
        self.change(time + 1, self._taken)
        self.command = AcceleratorError.FETCH_BUS if broken else self.command_at(self.index)
        self.ask(self.acting, self.act)

    def _taken(self, time: int, _: None) -> None:
        self.ahead -= 1
        self.ask(time, self.grant)

    def act(self, time: int) -> None:
        """Execute the current command, or hand it over, if possible."""
        if self.acting is None or time < self.acting:
            return
        command = self.command
        if isinstance(command, AcceleratorError):
            self._refuse(time, command)
            return
        register = getattr(command, "register", 0)
        value = self.registers[register]
        known = self.prepared.get(self.index)
        if known is None or known.command is not command or not known.takes(value):
            error = refusal(self.config, command, value)
            if error:
                self._refuse(time, error)
                return
        match command:
            case Set():
                self.registers[register] = command.value
                if self.recurrence and self.loops:
                    self.recurrence.sets = True
            case Add():
                self.registers[register] = (value + command.value) % (1 << ADDRESS_REGISTER_BITS)
            case Loop():
                if len(self.loops) == LOOP_LEVELS:
                    self._refuse(time, AcceleratorError.LOOP)
                    return
                self.loops.append([self.index + 1, command.count])
                if self.recurrence:
                    self.recurrence.enter(len(self.loops))
            case Repeat():
                if not self.loops:
                    self._refuse(time, AcceleratorError.LOOP)
                    return
                if self.recurrence and self.loops[-1][1] > 1:
                    self.recurrence.skip(self, time)
                if self.loops[-1][1] == 1:
                    self.loops.pop()
                else:
                    self.loops[-1][1] -= 1
                    self.index = self.loops[-1][0]
                    self.fetching_until, self.acting = time, None
                    self.change(time + 1, self._drop)
                    return
            case Fence():
                if self._active():
                    return
            case End():
                if self.loops:
                    self._refuse(time, AcceleratorError.LOOP)
                elif not self._active():
                    self._end(time)
                return
            case _:
                if not self._enter(time, command, value):
                    return
        self.index += 1
        self.taking, self.acting = time + 1, None
        if self.fetched:
            self.ask(max(time + 1, self.fetched[0][0]), self.take)

    def _refuse(self, time: int, error: AcceleratorError) -> None:
        self.acting = None
        self.fail(time, 5, error, self.index)

    def _enter(self, time: int, command: UnitCommand, value: int) -> bool:
        known = self.prepared.get(self.index)
        if known is None or known.command is not command:
            known = self.prepared[self.index] = prepare(self.config, self.units, command, value)
        known.register_value = value
        lane = self.lanes[command.UNIT]
        if lane.level == self.config.queue_depth:
            return False
        if self.execute is not None:
            self._check_elements(command)
        if self.recurrence and self.loops:
            self.recurrence.entered.append((known, value))
        entry = _Entry(known, self.index, value, time + QUEUE_LATENCY)
        if not lane.waiting:
            lane.head = max(lane.head, entry.there)
            self.ask(lane.head, self.begin)
        lane.waiting.append(entry)
        lane.level += 1
        self.commands += 1
        return True

    def _check_elements(self, command: UnitCommand) -> None:
        """Refuse a command whose values would take more memory than the model may use."""
        elements, most = elements_of(self.config, command), max(MAX_ELEMENTS, self.config.scratchpad_bytes)
        if elements > most:
            raise ConfigError(
                f"command {self.index}: {command.OPCODE.name.lower()} of {elements:,} elements is not allowed: the "
                f"exact model computes the values of at most {most:,} in a command"
            )

    def _active(self) -> bool:
        return any(lane.level or lane.under_way for lane in self.lanes)

    def _end(self, time: int) -> None:
        if self.stream.left:
            self._refuse(time, AcceleratorError.WEIGHTS)
            return
        self.fetching_until, self.acting = time, None
        self.change(time + 1, self._close)

    def _close(self, time: int, _: None) -> None:
        # What was asked for in the last cycle comes, too.
        self.done = max(time, self.last_beat + 1)

    def _drop(self, time: int, _: None) -> None:
        self.fetched.clear()
        self.change(max(time, self.last_fetch + 1) + 1, self._begin_anew)

    def _begin_anew(self, time: int, _: None) -> None:
        self.fetched.clear()
        self.ahead = 0
        self.fetch_index = self.index
        self.fetching_until = None
        self.taking = time
        self.ask(time, self.grant)

    # The units

    def begin(self, time: int) -> None:
        """Let the first command of each queue begin, if it can."""
        for unit in self.units:
            lane = self.lanes[unit]
            if not lane.waiting or lane.head > time or lane.ready is None or lane.ready > time:
                continue
            entry = lane.waiting[0]
            known = entry.prepared
            if lane.signalled is None:
                if known.givers and not all(self.semaphores[giver][unit] for giver in known.givers):
                    continue
                lane.signalled = time
                lane.no_signal += time - max(lane.head, lane.ready)
            if self._ports_held(lane, known):
                continue
            lane.no_bank += time - lane.signalled
            lane.signalled = None
            for giver in known.givers:
                self.semaphores[giver][unit] -= 1
            lane.waiting.popleft()
            lane.head = time + 1
            if lane.waiting:
                lane.head = max(lane.head, lane.waiting[0].there)
                self.ask(lane.head, self.begin)
            self.change(time + 1, self._left, lane)
            entry.begin = time
            lane.under_way.append(entry)
            lane.ready = None
            self._start(unit, entry, time)

    def _ports_held(self, lane: _Lane, command: PreparedCommand) -> bool:
        """Return whether another unit holds a bank port that a command needs."""
        for held in self.lanes:
            if held is not lane:
                for other in held.under_way:
                    those = other.prepared
                    if not (command.reads.isdisjoint(those.reads) and command.writes.isdisjoint(those.writes)):
                        return True
        return False

    def _left(self, time: int, lane: _Lane) -> None:
        lane.level -= 1
        self._ask_waiting(time)

    def _start(self, unit: Unit, entry: _Entry, time: int) -> None:
        command = entry.command
        match command:
            case Load() | Weights():
                address = command.address + entry.register_value
                if self.recurrence:
                    self.even_bursts = even_bursts(self.config, command, address)
                    self.recurrence.begin_bursts()
                self.burst_number = 0
                if self.even_bursts:
                    self.burst = address, self.config.burst_beats
                else:
                    self.bursts_behind = self._bursts(command, address)
                    self.burst = next(self.bursts_behind)
                self.asking, self.weights = entry, isinstance(command, Weights)
                self.ask(time + 1, self.grant)
            case Product():
                assert self.array is not None
                self.product = self.array.run_product(command, time)
                if self.recurrence:
                    self.recurrence.begin_bursts()
                self._go_on(time)
                # Blocks have been claimed: a load that had no room for weights may know now when it has.
                if self.asking is not None:
                    self.ask(time + 1, self.grant)
            case Vector():
                refused = entry.prepared.vector_error
                if refused:
                    self.change(time + START - 1, self._vector_failed, (entry, refused))
                    return
                self.change(time + entry.prepared.cycles, self.finish, unit)
            case Store():
                done, failed = self.stores.run(
                    command, command.address + entry.register_value, time, self._bad_beat,
                    every_burst=self.recurrence is None,
                )  # fmt: skip
                if failed is not None:
                    self.change(failed, self._store_failed, entry)
                else:
                    self.change(done + 1, self.finish, unit)
            case Jobs():
                self.job = 0
                self.change(time + 1, self._run_job, entry)

    def _run_job(self, time: int, entry: _Entry) -> None:
        """Run the next job of a command, whose descriptor is requested in this cycle."""
        assert self.jobs is not None
        assert isinstance(entry.command, Jobs)
        address = entry.command.addresses[self.job] + entry.register_value
        self.job_run = self.jobs.run(time, address)
        self._read_for_job(time, entry)

    def _read_for_job(self, time: int, entry: _Entry) -> None:
        """Let a job read, burst by burst, up to the next event: memory serves all ports in the order of time."""
        assert self.job_run is not None
        try:
            offered = next(self.job_run)
            while not self.heap or self.heap[0][0] > 2 * offered:
                offered = next(self.job_run)
        except StopIteration as stop:
            ends, descriptor, error = stop.value
            if error:
                self.change(ends, self._jobs_failed, (entry, error))
            else:
                self.change(ends, self._job_ended, (entry, descriptor))
        else:
            self.change(offered, self._read_for_job, entry)

    def _job_ended(self, time: int, what: tuple[_Entry, Descriptor]) -> None:
        assert self.jobs is not None
        entry, descriptor = what
        assert isinstance(entry.command, Jobs)
        self.jobs.finish(descriptor)
        self.job += 1
        if self.job < entry.command.count:
            self._run_job(time, entry)
        else:
            self.change(time + 1, self.finish, Unit.NPE)

    def _jobs_failed(self, time: int, what: tuple[_Entry, NpeError]) -> None:
        entry, error = what
        self.fail(time, 3, AcceleratorError.NPE, entry.index, error)

    def _vector_failed(self, time: int, what: tuple[_Entry, VectorError]) -> None:
        entry, refused = what
        self.fail(time, 2, AcceleratorError.VECTOR, entry.index, refused)

    def _store_failed(self, time: int, entry: _Entry) -> None:
        self.fail(time, 1, AcceleratorError.STORE_BUS, entry.index)

    def _bursts(self, command: Load | Weights, address: int) -> Iterator[tuple[int, int]]:
        for plane in range(command.planes):
            for row in range(command.rows):
                at = address + plane * command.plane_stride + row * command.stride
                yield from bursts(self.config, at, command.beats)

    def _go_on(self, time: int) -> None:
        """Advance the product as far as the times of its weights are known."""
        assert self.product is not None
        done = next(self.product)
        if done is not None:
            self.product = None
            self.change(done + 1, self.finish, Unit.ARRAY)

    def finish(self, time: int, unit: Unit) -> None:
        """End the oldest command of a unit; its effects show in this cycle."""
        lane = self.lanes[unit]
        entry = lane.under_way.popleft()
        ended = time - 1
        lane.busy += ended - max(entry.begin, lane.done)
        lane.done = ended
        # Loads overlap: there the last burst frees the unit, unless too many are under way.
        if unit is not Unit.LOAD or (lane.ready is None and self.asking is None):
            lane.ready = time
        for taker in entry.prepared.takers:
            self.semaphores[unit][taker] += 1
            if self.semaphores[unit][taker] >> SEMAPHORE_BITS:
                self.fail(ended, 4, AcceleratorError.SEMAPHORE, entry.index)
        if self.execute is not None and not isinstance(entry.command, Weights | Jobs) and not entry.failed:
            self.execute(entry.command, entry.register_value)
        if self.timeline:
            self.spans.append(Span(unit, entry.index, entry.begin + self.skipped, ended + self.skipped))
        self.ask(time, self.begin)
        self._ask_waiting(time)
        if self.recurrence and unit is Unit.ARRAY:
            self.recurrence.skip_rest(self, time)

    def _ask_waiting(self, time: int) -> None:
        """Check in a cycle whether the command at hand, if there is one, can go on."""
        if self.acting is not None and self.acting <= time:
            self.ask(time, self.act)


def elements_of(config: AcceleratorConfig, command: UnitCommand) -> int:
    """Return the number of elements, or bytes, that a command computes at once when its values are computed."""
    match command:
        case Load():
            return command.planes * command.rows * command.beats * config.bus_bytes
        case Store():
            return command.planes * command.rows * command.count << command.size
        case Vector():
            return command.command.rows * command.command.columns
        case Product():
            return command.vectors * max(command.k, command.n)
    return 0
