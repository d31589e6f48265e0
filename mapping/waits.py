"""Waits of the array and the NPE: the cycles between products, each with the unit and the operator at work then."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tilewright.sim.isa.units import Unit
from tilewright.sim.trace import Span

PRODUCTS = (Unit.ARRAY, Unit.NPE)
"""Units that multiply."""
ORDER = (Unit.VECTOR, Unit.STORE, Unit.LOAD)
"""Units to which a wait is put down if several are at work: a load is often at work ahead of what is needed next."""
Interval = tuple[int, int]


@dataclass(frozen=True)
class Wait:
    """Cycles without a product, with what another unit did in them."""

    unit: str
    """Unit at work; empty if none was."""
    step: str
    """Row of the report that its command is of; empty if no unit was at work."""
    cycles: int


def array_waits(spans: Sequence[Span], cycles: int) -> tuple[Wait, ...]:
    """Return the waits of the array, and of the NPE where it runs jobs, in a run of ``cycles`` cycles, the longest in
    sum first.

    A cycle belongs to the first unit of :data:`ORDER` that executes a command in it; of several commands of a unit, to
    the one that began first.
    """
    of_units: dict[str, list[Span]] = {}
    for span in spans:
        of_units.setdefault(span.unit, []).append(span)
    sums: dict[tuple[str, str], int] = {}
    idle = [(0, cycles)]
    for unit in (*PRODUCTS, *ORDER):
        rest: list[Interval] = []
        taken = _one_at_a_time(of_units.get(unit.label, ()))
        for begin, end, step in _cut(idle, taken, rest):
            if unit not in PRODUCTS:
                sums[unit.label, step] = sums.get((unit.label, step), 0) + end - begin
        idle = rest
    if left := sum(end - begin for begin, end in idle):
        sums["", ""] = left
    return tuple(Wait(*place, sums[place]) for place in sorted(sums, key=lambda place: (-sums[place], place)))


def _one_at_a_time(spans: Iterable[Span]) -> Iterator[tuple[int, int, str]]:
    """Yield begin, end and name of spans without what overlaps with an earlier one."""
    last = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        begin = max(span.start, last)
        if span.end > begin:
            yield begin, span.end, span.name
            last = span.end


def _cut(
    intervals: Iterable[Interval], pieces: Iterator[tuple[int, int, str]], rest: list[Interval]
) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of pieces that lie in intervals, and append what they leave of these to ``rest``.

    Intervals and pieces are in order, and none overlaps with another of its kind.
    """
    piece = next(pieces, None)
    for begin, end in intervals:
        while piece and piece[0] < end:
            first, last, name = piece
            if last > begin:
                if first > begin:
                    rest.append((begin, first))
                yield max(begin, first), min(end, last), name
                begin = min(end, last)
            if last > end:
                break
            piece = next(pieces, None)
        if begin < end:
            rest.append((begin, end))
