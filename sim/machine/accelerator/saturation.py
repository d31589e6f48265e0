"""Bursts that are requested without an event for each.

While memory is the bottleneck, each burst of weights waits at memory for the one before: their slots follow one
another, whenever they are requested, and refresh delays these slots but never brings two of them closer together. So
many are requested in one step; when the last one is follows from the bursts in flight and from the room for weights.
Other bursts are requested one by one, up to the next event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .product import BUFFER_LATENCY

if TYPE_CHECKING:
    from .program_run import ProgramRun

LEAST_AT_ONCE = 4
"""Number of bursts from which on it is quicker to request them in one step than one by one."""
MARGIN = 3
"""Cycles from the end of what a burst waits for to the first cycle in which memory can fetch its first beat."""


def request_ahead(run: ProgramRun, time: int) -> int | None:
    """Request bursts of a load, the next of which can be granted in a cycle, without an event for each.

    They end before the next event, before the one that completes the block of weights for which the product waits, and
    before the load's last. Returns the cycle in which the last of them is granted; ``None`` if there is none.
    """
    if run.errors or run.asking is None:
        return None
    stream, beats, weights = run.stream, run.burst[1], run.weights
    count = run.even_bursts - run.burst_number - 1
    if weights and run.product:
        count = min(count, (stream.wanted - 1) // beats)
    if count < 1:
        return None
    if weights:
        # Without a product, room for weights ends with that of beats which a block has claimed.
        known = count if run.product else (stream.wanted + run.config.weight_buffer_beats) // beats
        granted = _all_at_once(run, time - 1, min(count, known))
        if granted >= time:
            return granted
    return _one_by_one(run, time, count, weights)


def _all_at_once(run: ProgramRun, now: int, count: int) -> int:
    """Request up to ``count`` bursts of weights that are certain to wait at memory, after a burst that was granted in
    cycle ``now``; return the cycle of the last."""
    stream, timing, beats, slot = run.stream, run.timing, run.burst[1], run.timing.next_slot
    if run.heap:
        count = min(count, (timing.slot_at(run.heap[0][0] >> 1) - 1 - slot) // beats + 1)
    if count < LEAST_AT_ONCE or _late(run, now, timing.slot_cycle(slot)):
        return now

    stream.ask(slot, count * beats)
    outstanding = run.config.outstanding
    before = max(0, count - outstanding - 1)
    arrivals = timing.arrivals(slot + before * beats, beats, count - before)
    run.flight.extend(arrivals)
    granted = now + count
    if len(run.flight) > outstanding:
        granted = max(granted, run.flight[-outstanding - 1] + 1)
    if (freed := stream.asked - run.config.weight_buffer_beats) > 0:
        taken = stream.taken(freed - 1)
        assert taken is not None
        granted = max(granted, taken + 1)
    while len(run.flight) > outstanding:
        run.flight.popleft()
    _requested(run, granted, count, slot + count * beats)
    return granted


def _one_by_one(run: ProgramRun, time: int, most: int, weights: bool) -> int:
    """Request up to ``most`` bursts one after the other, the first in a cycle; return the cycle of the last."""
    stream, timing, flight, beats = run.stream, run.timing, run.flight, run.burst[1]
    outstanding, latency, slot_cycle = run.config.outstanding, timing.latency, timing.slot_cycle
    room = run.config.weight_buffer_beats - beats
    event = run.heap[0][0] if run.heap else None
    count, slot = 0, timing.next_slot
    granted = time
    while True:
        if slot_cycle(slot) < time + 2:
            slot = timing.slot_at(time + 2)
        if weights:
            stream.ask(slot, beats)
        slot += beats
        flight.append(slot_cycle(slot - 1) + latency)
        granted, count = time, count + 1
        if count == most:
            break
        time += 1
        while flight and flight[0] < time:
            flight.popleft()
        if len(flight) >= outstanding:
            time = flight[0] + 1
        if weights and (needed := stream.asked - room) > 0:
            taken = stream.taken(needed - 1)
            if taken is None:
                break
            if taken >= time:
                time = taken + 1
        if event is not None and event <= 2 * time + 1:
            break
    _requested(run, granted, count, slot)
    return granted


def _requested(run: ProgramRun, granted: int, count: int, slot: int) -> None:
    """Note that ``count`` bursts were requested, the last in a cycle, and take all slots before one."""
    run.burst_number += count
    run.read_beats += count * run.burst[1]
    run.granted, run.last_beat = granted, run.flight[-1]
    run.timing.read_up_to(granted + 1, slot)


def _late(run: ProgramRun, now: int, fetched: int) -> bool:
    """Return whether a burst may come late for its slot, if the first beat of the first one is fetched in a cycle, and
    the burst before was granted in cycle ``now``.

    Every other beat is fetched at least as many cycles later as there are beats between the two.
    """
    stream, timing, beats, flight = run.stream, run.timing, run.burst[1], run.flight
    outstanding, room = run.config.outstanding, run.config.weight_buffer_beats
    between = (outstanding - 1) * beats + 1  # the last beat of a burst and the first of the one that takes its place
    free = outstanding - len(flight)
    return (
        now + MARGIN > fetched
        or timing.latency + MARGIN > timing.least_cycles(between)
        or any(last + MARGIN > fetched + (free + place) * beats for place, last in enumerate(flight))
        or timing.latency + BUFFER_LATENCY + MARGIN > timing.least_cycles(room - beats + 1)
        or stream.latest_turn(stream.asked + beats - room - 1) + MARGIN > fetched
    )
