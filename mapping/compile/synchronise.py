"""Signals between units: a program that is right command by command becomes right with all units at work."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import (
    UNIT_COMMANDS,
    Add,
    Command,
    Fence,
    Jobs,
    Loop,
    Product,
    Repeat,
    Set,
    UnitCommand,
    Weights,
)
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.footprint import Footprint, Region, footprint
from tilewright.sim.isa.units import Unit, Units
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, SEMAPHORE_BITS
from tilewright.sim.machine.accelerator.product import product_beats

SIGNALS = (1 << SEMAPHORE_BITS) - 1
"""Maximum number of signals that a semaphore counts."""
QUEUED = 65
"""Maximum number of commands that have been handed to a unit and have not begun."""

Origin = int | None
"""Origin of memory addresses: None stands for 0, otherwise an earlier content of an address register."""


def synchronise(
    config: AcceleratorConfig,
    commands: Iterable[Command],
    *,
    apart: bool = False,
    shared: Iterable[range] = (),
    descriptors: Mapping[int, Descriptor] | None = None,
    moving: Iterable[range] = (),
) -> list[Command]:
    """Return a program with the signals that let the units run its commands at the same time.

    A command waits for the last earlier one of each other unit that writes what it reads or writes, or reads what it
    writes, in the scratchpad or in memory, unless it follows from signals taken before that this one has ended. Loads
    of weights and products share nothing but the weight buffer, which needs no signals. But a product holds ports of
    banks while it waits for weights; so it begins only after all that these must wait for, and after loads in front of
    them that want the same port. Jobs of the NPE read and write what their
    descriptors say, or anything in memory if these are not known. Jobs and stores wait for each other whatever their
    bytes: each has a port of its own that writes, and one alone takes all that memory can write.

    A fence is put in front of a loop and of its end: nothing that runs before has to be waited for behind it. One is
    also put where a semaphore might count too far.

    Parameters
    ----------
    commands : iterable of Command
        Right if they run one after the other, their ``wait`` and ``signal`` NONE. The weights of a product come right
        before it, or after all that it depends on: loads behind them may have to wait for the product.
    apart : bool
        Memory that is addressed through different registers, or one and none, never overlaps. Without it such
        addresses are taken to overlap where values of registers are not known, in loops.
    shared : iterable of range
        Addresses, without registers, of places to which that does not apply: two commands that reach the same place
        through different registers are taken to overlap.
    descriptors : mapping of int to Descriptor
        Jobs of the NPE by the addresses of their descriptors; with ``apart`` those of the first run of a loop.
    moving : iterable of range
        Addresses, without registers, that jobs of another run of a loop find elsewhere; what else jobs touch is the
        same in each run.
    """
    shared, jobs = tuple(shared), _KnownJobs(descriptors or {}, tuple(moving))
    program = list(_fenced(commands))
    while True:
        done, full = _Synchroniser(config, apart, shared, jobs).run(program)
        if full is None:
            return done
        program.insert(full, Fence())


def _fenced(commands: Iterable[Command]) -> Iterator[Command]:
    last: Command | None = None
    for command in commands:
        if isinstance(command, Loop | Repeat) and not isinstance(last, Fence):
            yield Fence()
        yield command
        last = command


@dataclass(frozen=True)
class _KnownJobs:
    """Descriptors of the NPE's jobs, by their addresses, and addresses that jobs find elsewhere in other runs."""

    descriptors: Mapping[int, Descriptor]
    moving: tuple[range, ...]

    def of(self, command: Jobs, value: int) -> list[Descriptor] | None:
        """Return the jobs of a command, whose address register has this content; ``None`` if one is not known."""
        addresses = [address + value for address in command.addresses]
        if not all(address in self.descriptors for address in addresses):
            return None
        return [self.descriptors[address] for address in addresses]

    def move(self, regions: tuple[Region, ...]) -> bool:
        """Return whether some of the regions that a job touches are elsewhere in other runs."""
        return any(each.start < place.stop and place.start < each.stop for each in regions for place in self.moving)


@dataclass
class _Entry:
    """A command of a unit in the program."""

    place: int
    """Position of the command in the program."""
    unit: Unit
    footprint: Footprint
    origin: Origin
    known: tuple[int, ...]
    """Number of commands of each unit that have ended when this one begins, as far as signals say."""


@dataclass
class _Waiting:
    """Weights that no product has taken."""

    count: int
    """Number, from 1, of the load unit's command that loads the weights; 0 if it has ended."""
    beats: int


class _Synchroniser:
    """Walks over a program once."""

    def __init__(self, config: AcceleratorConfig, apart: bool, shared: tuple[range, ...], jobs: _KnownJobs):
        self.config, self.apart, self.shared, self.jobs = config, apart, shared, jobs
        self.entries: dict[Unit, list[_Entry]] = {}
        self.known: dict[Unit, list[int]] = {}
        self.weights: list[_Waiting] = []
        self.quiet: list[int] = [0]
        """Positions before which no weights wait."""
        self.waits: dict[int, Units] = {}
        self.signals: dict[int, Units] = {}
        self.spans: dict[tuple[Unit, Unit], list[tuple[int, int]]] = {}
        """Positions of the commands that give and take each signal, by giver and taker."""
        self.origins = 0
        self.registers: dict[int, tuple[Origin, int]] = {}
        self.forget()

    def forget(self) -> None:
        """Note that all commands have ended."""
        self.entries = {unit: [] for unit in Unit}
        self.known = {unit: [0] * len(Unit) for unit in Unit}
        for waiting in self.weights:
            waiting.count = 0

    def run(self, program: list[Command]) -> tuple[list[Command], int | None]:
        """Return the program with signals, and the position where a fence is missing."""
        for place, command in enumerate(program):
            if isinstance(command, Set):
                self.registers[command.register] = None, command.value
            elif isinstance(command, Add):
                origin, value = self._register(command.register)
                self.registers[command.register] = origin, _wrapped(value + command.value)
            elif isinstance(command, Loop | Repeat):
                self.registers = {}
                self.origins += 1
            elif isinstance(command, Fence):
                self.forget()
            elif isinstance(command, UNIT_COMMANDS):
                self._add(place, command)
        done = [
            each.changed(wait=self.waits.get(place, Units.NONE), signal=self.signals.get(place, Units.NONE))
            if isinstance(each, UNIT_COMMANDS)
            else each
            for place, each in enumerate(program)
        ]
        full = [span for spans in self.spans.values() if (span := _overfull(spans)) is not None]
        if not full:
            return done, None
        first, last = min(full, key=lambda span: span[1])
        fence = max(place for place in self.quiet if place <= last)
        if fence <= first:
            raise ValueError(f"more than {SIGNALS - QUEUED} signals are given between loading weights and a product")
        return done, fence

    def _register(self, register: int) -> tuple[Origin, int]:
        """Return the origin of a register's addresses, and its content relative to it."""
        if self.origins == 0:
            return self.registers.get(register, (None, 0))
        # A number for what a register held at the last loop or end of one.
        return self.registers.get(register, (self.origins * 16 + register, 0))

    def _add(self, place: int, command: UnitCommand) -> None:
        unit = command.UNIT
        register = getattr(command, "register", 0)
        origin, value = self._register(register) if register else (None, 0)
        descriptors = None
        if isinstance(command, Jobs) and (origin is None or self.apart):
            descriptors = self.jobs.of(command, value if origin is None else 0)
        entry = _Entry(place, unit, footprint(self.config, command, value, descriptors), origin, ())
        needed = {giver: self._last_conflict(entry, unit, giver) for giver in Unit if giver != unit}
        if isinstance(command, Product):
            for giver, count in self._needed_by_weights(entry, command).items():
                needed[giver] = max(needed[giver], count)
        # The latest first: what it has waited for need not be waited for again.
        later = {giver: self.entries[giver][count - 1].place for giver, count in needed.items() if count}
        for giver in sorted(later, key=lambda giver: -later[giver]):
            self._wait(entry, unit, giver, needed[giver])
        entry.known = tuple(self.known[unit])
        self.entries[unit].append(entry)
        if isinstance(command, Weights):
            self.weights.append(_Waiting(len(self.entries[unit]), command.all_beats))
        if not self.weights:
            self.quiet.append(place + 1)

    def _last_conflict(self, entry: _Entry, taker: Unit, giver: Unit) -> int:
        """Return the number of commands of a giver that must have ended."""
        entries = self.entries[giver]
        for index in range(len(entries), self.known[taker][giver], -1):
            if self._conflict(entry, entries[index - 1]):
                return index
        return 0

    def _conflict(self, one: _Entry, other: _Entry) -> bool:
        a, b = one.footprint, other.footprint
        if _touch(a.scratchpad_reads, b.scratchpad_writes) or _touch(a.scratchpad_writes, b.scratchpad_reads):
            return True
        if _touch(a.scratchpad_writes, b.scratchpad_writes):
            return True
        if not (a.memory_writes or b.memory_writes):
            return False
        if {one.unit, other.unit} == {Unit.NPE, Unit.STORE}:
            return True
        pairs = (
            (a.memory_reads, b.memory_writes),
            (a.memory_writes, b.memory_reads),
            (a.memory_writes, b.memory_writes),
        )
        if a.anywhere or b.anywhere:
            return any(x and y for x, y in pairs)
        if Unit.NPE in (one.unit, other.unit):
            job, load = (one, other) if one.unit is Unit.NPE else (other, one)
            writes, reads = job.footprint.memory_writes, load.footprint.memory_reads
            if load.origin is None:
                return _touch(writes, reads)
            return bool(reads) and (not self.apart or self.jobs.move(writes))
        if one.origin == other.origin:
            return any(_touch(x, y) for x, y in pairs)
        if self.apart:
            return any(self._in_one_place(x, y) for x, y in pairs)
        return any(x and y for x, y in pairs)

    def _in_one_place(self, some: tuple[Region, ...], others: tuple[Region, ...]) -> bool:
        """Return whether two commands reach one of the shared places."""
        return any(
            any(each.start in place for each in some) and any(each.start in place for each in others)
            for place in self.shared
        )

    def _wait(self, entry: _Entry, taker: Unit, giver: Unit, count: int) -> None:
        """Make a command wait until this number of a giver's commands has ended."""
        known = self.known[taker]
        if count <= known[giver]:
            return
        of_giver = self.entries[giver][count - 1]
        self.waits[entry.place] = self.waits.get(entry.place, Units.NONE) | Units(1 << giver)
        self.signals[of_giver.place] = self.signals.get(of_giver.place, Units.NONE) | Units(1 << taker)
        self.spans.setdefault((giver, taker), []).append((of_giver.place, entry.place))
        # What the giver knew when that command began is known as well.
        known[:] = [max(pair) for pair in zip(known, of_giver.known, strict=True)]
        known[giver] = max(known[giver], count)

    def _needed_by_weights(self, entry: _Entry, command: Product) -> dict[Unit, int]:
        """Return the number of commands of each unit that must have ended before a product holds ports while it waits.

        Those that its weights wait for may need these ports.
        """
        last = self._take_weights(product_beats(self.config, command))
        if not last:
            return {}
        loads = self.entries[Unit.LOAD]
        needed = {giver: loads[last - 1].known[giver] for giver in (Unit.VECTOR, Unit.STORE)}
        [out] = entry.footprint.scratchpad_writes
        bank = self.config.bank(out.start)
        for count in range(last, self.known[Unit.ARRAY][Unit.LOAD], -1):
            written = loads[count - 1].footprint.scratchpad_writes
            if any(self.config.bank(region.start) == bank for region in written):
                return needed | {Unit.LOAD: count}
        return needed

    def _take_weights(self, beats: int) -> int:
        """Take beats of weights; return the number of the load command that loads the last of them, 0 if it has
        ended."""
        last = 0
        while beats and self.weights:
            waiting = self.weights[0]
            last, taken = waiting.count, min(beats, waiting.beats)
            beats -= taken
            waiting.beats -= taken
            if not waiting.beats:
                del self.weights[0]
        return last


def _touch(some: tuple[Region, ...], others: tuple[Region, ...]) -> bool:
    for a in some:
        for b in others:
            if a.overlaps(b):
                return True
    return False


def _wrapped(value: int) -> int:
    """Return the content of a register as a difference: registers wrap at 64 bits, so a large value steps back."""
    half = 1 << ADDRESS_REGISTER_BITS - 1
    return (value + half) % (2 * half) - half


def _overfull(spans: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the positions of the first and the last command whose signals may all wait, if they are too many."""
    first = 0
    for number, (start, _) in enumerate(spans):
        while spans[first][1] <= start:
            first += 1
        if number - first + 1 > SIGNALS - QUEUED:
            return spans[first][0], start
    return None
