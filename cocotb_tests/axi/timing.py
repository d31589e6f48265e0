"""Expected behaviour of the bus, beat by beat: bursts of a request, and the cycles of ``AxiMemory``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

PAGE = 4096


def split(address: int, beats: int, beat_bytes: int, max_burst: int) -> list[tuple[int, int]]:
    """Return address and beats of each burst of a request."""
    bursts: list[list[int]] = []
    for beat in range(beats):
        here = address + beat * beat_bytes
        if not bursts or here % PAGE == 0 or bursts[-1][1] == max_burst:
            bursts.append([here, 0])
        bursts[-1][1] += 1
    return [(first, count) for first, count in bursts]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One direction of an ``AxiMemory``: its inputs and its capacity."""

    latency: int
    words: int
    cycles: int
    requests: int
    depth: int
    """Capacity in beats, ``max_latency + 2``."""
    refresh_period: int
    refresh_cycles: int
    turn_period: int = 1
    open_first: int = 0
    open_end: int = 1
    """First cycle of the direction in a period of turns, and the one after the last."""
    _active: list[int] = field(default_factory=lambda: [0], init=False)
    """Number of cycles that belong to the direction before each cycle, as far as it was asked for."""
    _awake: list[int] = field(default_factory=lambda: [0], init=False)
    """Number of cycles without refresh before each cycle, likewise."""

    def slot(self, cycle: int) -> int:
        """Return the first cycle in or after ``cycle`` in which a beat can pass."""
        while not self.passes(cycle):
            cycle += 1
        return cycle

    def passes(self, cycle: int) -> bool:
        """Return whether a beat can pass in a cycle."""
        while len(self._active) <= cycle:
            before = len(self._active) - 1
            self._active.append(self._active[-1] + self.belongs(before))
            self._awake.append(self._awake[-1] + (not self.refreshes(before)))
        if not self.belongs(cycle):
            return False
        active = self._active[cycle]
        return (active + 1) * self.words // self.cycles > active * self.words // self.cycles

    def belongs(self, cycle: int) -> bool:
        """Return whether a cycle belongs to the direction; the cycles before it have been asked for."""
        turn = self._awake[cycle] % self.turn_period
        return not self.refreshes(cycle) and self.open_first <= turn < self.open_end

    def refreshes(self, cycle: int) -> bool:
        """Return whether the memory is refreshed in a cycle."""
        return cycle % self.refresh_period < self.refresh_cycles


@dataclass
class Channel:
    """Handshakes of a channel, cycle by cycle."""

    valid: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    payload: list[dict] = field(default_factory=list)
    """Payloads of the handshakes, in order."""

    @property
    def taken(self) -> list[int]:
        """Cycles in which valid and ready are high."""
        return [n for n, (valid, ready) in enumerate(zip(self.valid, self.ready, strict=True)) if valid and ready]


def fetches(timing: Timing, accepted: Sequence[tuple[int, int]], taken: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return ``f`` and ``v`` of the docstring of ``AxiMemory`` for bursts of given lengths that are accepted in given
    cycles.

    ``taken`` has the cycles in which beats were taken; it may end early, and so do the lists then.
    """
    f: list[int] = []
    v: list[int] = []
    for a, beats in accepted:
        for _ in range(beats):
            j = len(f)
            if j - 1 >= len(taken):
                return f, v
            before = f[-1] if f else -1
            freed = taken[j - timing.depth] if j >= timing.depth else -1
            f.append(timing.slot(max(a + 1, before + 1, freed + 1)))
            v.append(max(f[j] + timing.latency, taken[j - 1] + 1 if j else 0))
    return f, v


def acceptances(
    timing: Timing, accepted: Sequence[tuple[int, int]], offered: Sequence[int], answered: Sequence[int]
) -> list[int]:
    """Return ``w`` of the docstring of ``AxiMemory`` for beats that are offered from a cycle on; only beats of accepted
    bursts.

    ``answered`` has the cycles in which responses were taken.
    """
    w: list[int] = []
    bursts = [(index, a) for index, (a, beats) in enumerate(accepted) for _ in range(beats)]
    for (index, a), o in zip(bursts, offered, strict=False):
        before = w[-1] if w else -1
        if index >= timing.depth + len(answered):
            break
        freed = answered[index - timing.depth] if index >= timing.depth else -1
        w.append(timing.slot(max(a + 1, before + 1, freed + 1, o)))
    return w


def offers(channel: Channel) -> list[int]:
    """Return the cycle from which on each beat was offered."""
    starts, before = [], -1
    for n in channel.taken:
        starts.append(next(cycle for cycle in range(before + 1, n + 1) if channel.valid[cycle]))
        before = n
    return starts


def check_waiting(channel: Channel, finished: Sequence[int], requests: int) -> None:
    """Check that addresses are accepted while fewer than ``requests`` bursts wait.

    ``finished`` has the cycle with the last beat of each burst that has come to it.
    """
    changes = [0] * (len(channel.ready) + 2)
    for n in channel.taken:
        changes[n + 1] += 1
    for n in finished:
        if n + 1 < len(changes):
            changes[n + 1] -= 1
    waiting = 0
    for n, ready in enumerate(channel.ready):
        waiting += changes[n]
        assert ready == (waiting < requests), f"cycle {n}: address ready = {ready} while {waiting} bursts wait"


def check_valid(channel: Channel, first: Sequence[int], what: str) -> None:
    """Check that each answer is offered from its cycle on until it is taken, and that nothing else is offered."""
    taken = [*channel.taken, len(channel.valid)]
    expected = [0] * len(channel.valid)
    for start, end in zip(first, taken, strict=False):
        for n in range(start, min(end + 1, len(expected))):
            expected[n] = 1
    for n, (seen, right) in enumerate(zip(channel.valid, expected, strict=True)):
        assert seen == right, f"cycle {n}: {what} valid = {seen}, not {right}"


def lasts(beats: Sequence[int], cycles: Sequence[int]) -> list[int]:
    """Return the cycles of the last beats of bursts, as far as beats have come."""
    ends = [0]
    for count in beats:
        ends.append(ends[-1] + count)
    return [cycles[end - 1] for _, end in pairwise(ends) if end <= len(cycles)]


def check_reads(timing: Timing, ar: Channel, r: Channel) -> list[int]:
    """Check every cycle of ``arready`` and ``rvalid``; return the cycles in which beats were fetched."""
    accepted = [(a, burst["len"] + 1) for a, burst in zip(ar.taken, ar.payload, strict=True)]
    f, v = fetches(timing, accepted, r.taken)
    check_valid(r, v, "read")
    # Beats behind the one at the port may have been fetched as well: none of them leaves before it.
    ahead, _ = fetches(timing, accepted, [*r.taken, *[len(r.valid)] * sum(beats for _, beats in accepted)])
    check_waiting(ar, lasts([beats for _, beats in accepted], ahead), timing.requests)
    return f


def check_writes(timing: Timing, aw: Channel, w: Channel, b: Channel) -> list[int]:
    """Check every cycle of ``awready``, ``wready`` where beats were offered, and ``bvalid``; return ``w``."""
    accepted = [(a, burst["len"] + 1) for a, burst in zip(aw.taken, aw.payload, strict=True)]
    right = acceptances(timing, accepted, offers(w), b.taken)
    assert w.taken == right, "words taken in other cycles"
    ends = lasts([beats for _, beats in accepted], right)
    first, before = [], -1
    for end, taken in zip(ends, [*b.taken, *[len(b.valid)] * len(ends)], strict=False):
        first.append(max(end + timing.latency, before + 1))
        before = taken
    check_valid(b, first, "response")
    check_waiting(aw, ends, timing.requests)
    return right
