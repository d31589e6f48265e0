"""Bursts of weights that memory is too busy to fetch at once: many are requested in one step.

While memory is the bottleneck, each burst waits at memory for the one before: their slots follow one another, whenever
they are requested, and refresh delays these slots but never brings two of them closer together. When the last burst is
requested follows from the bursts in flight and from the room for weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilewright.sim.isa.commands import Weights

from .product import BUFFER_LATENCY

if TYPE_CHECKING:
    from .program_run import ProgramRun

MARGIN = 3
"""Cycles from the end of what a burst waits for to the first cycle in which memory can fetch its first beat."""


def request_ahead(run: ProgramRun, now: int) -> int:
    """Request the bursts that are certain to wait at memory, after one that was granted in cycle ``now``.

    They end before the next event, before the one that completes the block of weights for which the product waits, and
    before the load's last. Returns the cycle in which the last of them is granted.
    """
    if run.errors or run.asking is None or not isinstance(run.asking[0].command, Weights) or run.fetches(now + 1):
        return now
    stream, timing, beats, slot = run.stream, run.timing, run.burst[1], run.timing.next_slot
    # Without a product, room for weights ends with that of beats which a block has claimed.
    known = stream.wanted - 1 if run.product else stream.wanted + run.config.weight_buffer_beats
    count = min(known // beats, run.even_bursts - run.burst_number - 1)
    if run.heap:
        count = min(count, (timing.slot_at(run.heap[0][0] >> 1) - 1 - slot) // beats + 1)
    if count < 1 or _late(run, timing.slot_cycle(slot)):
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
    run.skip_bursts(count)
    run.read_beats += count * beats
    run.granted, run.last_beat = granted, arrivals[-1]
    timing.read_on(granted + 1, count * beats)
    return granted


def _late(run: ProgramRun, fetched: int) -> bool:
    """Return whether a burst may come late for its slot, if the first beat of the first one is fetched in a cycle.

    Every other beat is fetched at least as many cycles later as there are beats between the two.
    """
    stream, timing, beats, flight = run.stream, run.timing, run.burst[1], run.flight
    outstanding, room = run.config.outstanding, run.config.weight_buffer_beats
    between = (outstanding - 1) * beats + 1  # the last beat of a burst and the first of the one that takes its place
    free = outstanding - len(flight)
    return (
        timing.latency + MARGIN > timing.least_cycles(between)
        or any(last + MARGIN > fetched + (free + place) * beats for place, last in enumerate(flight))
        or timing.latency + BUFFER_LATENCY + MARGIN > timing.least_cycles(room - beats + 1)
        or stream.latest_turn(stream.asked + beats - room - 1) + MARGIN > fetched
    )
