"""Iterations of loops, and bursts of weights, that go as those before: they are counted, not computed.

All times of a run follow from its state when a loop comes to its REPEAT. If that state, relative to the cycle, has been
there before in the same loop, the iterations since then repeat to the cycle, up to the REPEAT that ends the loop. So do
bursts while a product takes weights, as long as bursts and blocks are equal to those before. An iteration that, at the
end of a product, is in a state that the one before had there ends as that did. The run itself stays where it is, or
goes back to that end: the cycles that are skipped are added to what it says at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, PAGE_BYTES

from .spans import repeated

if TYPE_CHECKING:
    from tilewright.sim.config.accelerator import AcceleratorConfig
    from tilewright.sim.isa.commands import Load, Weights

    from .prepared import PreparedCommand
    from .program_run import ProgramRun, _Entry, _Lane


FIRST_BLOCK = 4
"""Number of blocks of a product before which it is not expected to be in a state that recurs."""
MOST_SEEN = 128
"""Number of states of a loop after which it is not expected to recur."""
MOST_PRODUCTS = 4
"""Number of products of an iteration after which a state of the iteration before is not expected to recur."""


class Seen(NamedTuple):
    """A run at the end of an iteration."""

    left: int
    """Number of iterations that were still to end, with this one."""
    cycle: int
    counts: tuple[int, ...]
    registers: tuple[int, ...]
    spans: int
    """Number of spans so far."""
    entered: int
    """Number of commands so far that the units were given in loops."""


class Ended(NamedTuple):
    """A run at the end of an iteration, where it can go on once more."""

    time: int
    """Cycle of the end, without those that were skipped before."""
    seen: Seen
    run: dict[str, Any]
    """Copy of all attributes of the run."""


class SeenBursts(NamedTuple):
    """A run between two bursts of weights."""

    burst: int
    block: int
    cycle: int
    counts: tuple[int, ...]


class Recurrence:
    """States of a run that is of times alone: no values, no memory that ends, no jobs of the NPE."""

    def __init__(self) -> None:
        self._seen: list[dict[tuple, Seen]] = []
        self._before: list[dict[tuple, Seen]] = []
        self._these: list[dict[tuple, Seen]] = []
        """States of each loop at ends of products, in the iteration before and in this one."""
        self._ended: list[Ended | None] = []
        """End of the iteration before, of each loop."""
        self._bursts: dict[tuple, list[SeenBursts]] = {}
        self._phases: list[set[tuple[int, int]]] = [set()]
        """Phases of refresh and turns in which bursts began, and iterations of each loop ended."""
        self.entered: list[tuple[PreparedCommand, int]] = []
        """Commands that the units were given in loops, each with the content of its address register; those of the
        last iterations stand for all that were skipped, whose addresses lie between them."""
        self.sets = False
        """Whether a register was set in a loop: then it does not grow by as much from one iteration to the next
        wherever these are compared."""

    def enter(self, depth: int) -> None:
        """Note that a loop begins, ``depth`` counting from 1."""
        if depth == 1:
            self.entered.clear()
            self.sets = False
        for each in (self._seen, self._before, self._these):
            del each[depth - 1 :]
            each.append({})
        del self._ended[depth - 1 :], self._phases[depth:]
        self._ended.append(None)
        self._phases.append(set())

    def skip(self, run: ProgramRun, time: int) -> None:
        """Skip iterations of the innermost loop, which has come to its end but not for the last time, if they are
        known."""
        depth = len(run.loops) - 1
        seen = self._seen[depth]
        if run.errors or len(seen) == MOST_SEEN or self._new_phase(run, time, len(run.loops)):
            return
        loop, now = run.loops[-1], self._now(run, time)
        before = seen.setdefault(state(run, time), now)
        if before is now:
            self._before[depth], self._these[depth] = self._these[depth], {}
            self._ended[depth] = None if self.sets else _ended(run, time, now)
            return
        period = before.left - now.left
        times = (now.left - 1) // period
        steps = [times * step for step in _steps(now.registers, before.registers)]
        ends = self._enter_again(now.registers, self.entered[before.entered :], steps) if times else None
        if ends is None:
            return
        loop[1] -= times * period
        cycles = now.cycle - before.cycle
        run.skipped += times * cycles
        run.registers = ends
        _count(run, _steps(now.counts, before.counts), times)
        run.spans += repeated(run.spans[before.spans : now.spans], cycles, times)

    def skip_rest(self, run: ProgramRun, time: int) -> None:
        """Let an iteration of the innermost loop end as the one before, if the run is in a state that it had then.

        It is the cycle in which a product has ended, and nothing else comes in this event: the run goes on where that
        iteration ended.
        """
        depth = len(run.loops) - 1
        if depth < 0 or run.errors or run.timing.pauses or len(self._these[depth]) == MOST_PRODUCTS:
            return
        now, ended, key = self._now(run, time), self._ended[depth], state(run, time)
        before = self._before[depth].get(key)
        if ended is None or before is None:
            self._these[depth][key] = now
            return
        rest = self.entered[before.entered : ended.seen.entered]
        ends = self._enter_again(ended.seen.registers, rest, _steps(now.registers, before.registers))
        if ends is None:
            return
        self._ended[depth] = None
        cycles = now.cycle - before.cycle
        run.spans += repeated(run.spans[before.spans : ended.seen.spans], cycles, 1)
        vars(run).update(ended.run)
        run.loops[-1][1] = now.left
        run.registers = ends
        run.skipped += cycles
        _count(run, _steps(now.counts, before.counts), 1)
        run.ask(ended.time, run.act)

    def _now(self, run: ProgramRun, time: int) -> Seen:
        """Return a run in the innermost loop as it is now."""
        return Seen(
            run.loops[-1][1], time + run.skipped, _counts(run, time), tuple(run.registers), len(run.spans),
            len(self.entered),
        )  # fmt: skip

    def _enter_again(
        self, registers: Sequence[int], entered: list[tuple[PreparedCommand, int]], steps: list[int]
    ) -> list[int] | None:
        """Enter commands with other contents of their address registers; return the contents at the end.

        Returns ``None``, and enters nothing, if one of them would be refused.
        """
        ends = [value + step for value, step in zip(registers, steps, strict=True)]
        last = [(known, value + steps[getattr(known.command, "register", 0)]) for known, value in entered]
        contents = *ends, *(value for _, value in last)
        if not all(0 <= each < 1 << ADDRESS_REGISTER_BITS for each in contents):
            return None
        if not all(known.takes(value) for known, value in last):
            return None
        self.entered += last
        return ends

    def begin_bursts(self) -> None:
        """Note that a load or a product begins."""
        self._bursts.clear()
        self._phases[0].clear()

    def skip_bursts(self, run: ProgramRun, time: int) -> None:
        """Skip bursts of weights, and blocks of the product that takes them, if both are known to go on as before.

        It is the cycle in which a burst is requested, and the product waits for its next block.
        """
        array, seen = run.array, self._bursts
        assert array is not None
        left = run.even_bursts - 1 - run.burst_number
        if run.errors or run.asking is None or run.product is None or left <= 0 or len(seen) == MOST_SEEN:
            return
        if array.block < FIRST_BLOCK:
            return
        if self._new_phase(run, time, 0):
            return
        now = SeenBursts(run.burst_number, array.block, time + run.skipped, _counts(run, time))
        # The first block and the last one that were in this state: blocks follow one another as those since either.
        those = seen.setdefault(state(run, time, loops=False), [])
        for before in those:
            period, turn = now.burst - before.burst, now.block - before.block
            times = min(left // period, array.turns(before.block))
            if times:
                break
        else:
            those[1:] = [now]
            return
        cycles = times * (now.cycle - before.cycle)
        run.burst_number += times * period
        array.block += times * turn
        run.skipped += cycles
        _count(run, _steps(now.counts, before.counts), times)
        # What has begun has done so for longer now.
        for lane in run.lanes:
            lane.done = _earlier(lane.done, time, cycles)
            for entry in lane.under_way:
                entry.begin -= cycles

    def _new_phase(self, run: ProgramRun, time: int, level: int) -> bool:
        """Return whether memory has not been in this phase of refresh and turns before: then the state cannot have been
        there."""
        phase, phases = run.timing.pause_phase(time), self._phases[level]
        if phase is None or phase in phases:
            return False
        phases.add(phase)
        return True


def _ended(run: ProgramRun, time: int, seen: Seen) -> Ended | None:
    """Return a run at the end of an iteration, if no load asks for bursts and no product is under way."""
    array = run.array
    assert array is not None
    if run.asking is not None or run.product is not None or run.timing.pauses:
        return None
    # What never changes, and what only grows, is shared with the copy.
    shared = (
        run, run.config, run.command_at, run.command, run.prepared, run.units, run.spans, run.recurrence,
        run.bursts_behind, array.config, array.array_config, array.commands,
    )  # fmt: skip
    return Ended(time, seen, deepcopy(vars(run), {id(each): each for each in shared}))


def _steps(new: Sequence[int], old: Sequence[int]) -> list[int]:
    return [after - before for after, before in zip(new, old, strict=True)]


def _earlier(since: int, now: int, cycles: int) -> int:
    return since - cycles if since <= now else since


def even_bursts(config: AcceleratorConfig, command: Load | Weights, address: int) -> int:
    """Return the number of bursts of a command if they are equal, and each in a page; otherwise 0."""
    size = config.burst_beats * config.bus_bytes
    starts = (address, command.stride * (command.rows > 1), command.plane_stride * (command.planes > 1))
    if PAGE_BYTES % size or command.beats % config.burst_beats or any(start % size for start in starts):
        return 0
    return command.planes * command.rows * command.beats // config.burst_beats


def _counts(run: ProgramRun, now: int) -> tuple[int, ...]:
    """Return all counts of a run; of a command that waits, the cycles for which it has done so by now are in them."""
    lanes = [count for lane in run.lanes for count in (lane.busy, *_waited(lane, now))]
    return run.commands, run.read_beats, run.stores.beats, run.stream.starved, *lanes


def _waited(lane: _Lane, now: int) -> tuple[int, int]:
    """Return the cycles for which a unit has waited for signals, and for banks, by now."""
    if lane.signalled is not None:
        return lane.no_signal, lane.no_bank + now - lane.signalled
    if not lane.waiting or lane.ready is None:
        return lane.no_signal, lane.no_bank
    return lane.no_signal + max(0, now - max(lane.head, lane.ready)), lane.no_bank


def _count(run: ProgramRun, counts: Sequence[int], times: int) -> None:
    """Count something ``times`` more."""
    commands, read_beats, write_beats, starved, *lanes = (times * each for each in counts)
    run.commands += commands
    run.read_beats += read_beats
    run.stores.count(write_beats)
    run.stream.starved += starved
    for place, lane in enumerate(run.lanes):
        busy, no_signal, no_bank = lanes[3 * place : 3 * place + 3]
        lane.busy, lane.no_signal, lane.no_bank = lane.busy + busy, lane.no_signal + no_signal, lane.no_bank + no_bank


def state(run: ProgramRun, now: int, *, loops: bool = True) -> tuple:
    """Return all on which the times of a run depend from a cycle on, relative to it.

    Addresses count in a page: bursts end at its end. How often the innermost loop still runs is left out. Without
    ``loops`` it is the state between bursts: how many are left is left out, and since when something runs.
    Until a load or a product begins, the number of commands that units have been given says which of them wait.
    """
    # A cycle that has passed only says that what waits for it need not wait.
    passed = now - 1
    times = (run.fetching_until, run.taking, run.acting, run.last_beat, run.last_fetch, run.granted)
    return (
        run.index,
        run.fetch_index,
        run.ahead,
        *[(start, left) for start, left in (run.loops[:-1] if loops else run.loops)],
        run.loops[-1][0] if loops else run.commands,
        tuple([value % PAGE_BYTES for value in run.registers]),
        tuple([(max(time, passed) - now, broken) for time, broken in run.fetched]),
        *[None if time is None else max(time, passed) - now for time in times],
        tuple([last - now for last in run.flight if last >= now]),
        None if run.asking is None else (_entry(run.asking), run.asking.begin >= now, run.burst_number * loops),
        tuple(
            [
                (key - 2 * now, None if what is None else what.__name__, _argument(run, argument))
                for key, _, what, argument in sorted(run.heap)
            ]
        ),
        tuple(map(tuple, run.semaphores)),
        *[_lane(lane, now, loops) for lane in run.lanes],
        _array(run, now, loops),
        run.stores.state(now),
        run.timing.state(now),
    )


def _array(run: ProgramRun, now: int, loops: bool) -> tuple:
    weights = run.stream.state(_stream_since(run, now), run.config.weight_buffer_beats)
    assert run.array is not None
    return run.product is None, weights, run.array.state(now), run.array.block * loops


def _stream_since(run: ProgramRun, now: int) -> int:
    """Return the cycle before which the beats of weights do not matter: what waits for weights may wait already."""
    assert run.array is not None
    return now if run.array.since is None else min(now, run.array.since)


def _lane(lane: _Lane, now: int, since: bool) -> tuple:
    return (
        lane.level,
        tuple([_entry(entry) for entry in lane.waiting]) if since else len(lane.waiting),
        # Commands are given in more cycles than they take to the end of the queue: those before the last are there.
        max(lane.waiting[-1].there - now, 0) if lane.waiting else 0,
        tuple([(*_entry(entry), (entry.begin - now) * since) for entry in lane.under_way]),
        max(lane.head, now) - now,
        None if lane.ready is None else max(lane.ready, now) - now,
        lane.signalled is None,
        max(lane.done, lane.under_way[0].begin) - now if since and lane.under_way else None,
    )


def _entry(entry: _Entry) -> tuple[int, int]:
    return entry.index, entry.register_value % PAGE_BYTES


def _argument(run: ProgramRun, argument: Any) -> Any:
    if argument is None or isinstance(argument, Unit):
        return argument
    if callable(argument):
        return argument.__name__
    # Something fails, which it does once.
    return run.lanes.index(argument) if argument in run.lanes else id(argument)
