"""Timelines of runs: what units executed, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tilewright.sim.isa.units import Unit


@dataclass(slots=True)
class Span:
    """A command that a unit executed, from the cycle in which it began to the cycle in which it had ended."""

    unit: Unit
    index: int
    begin: int
    end: int


def repeated(spans: Sequence[Span], cycles: int, times: int) -> Iterator[Span]:
    """Yield spans once more for each of some repetitions, so many cycles apart."""
    for shift in range(cycles, (times + 1) * cycles, cycles):
        for span in spans:
            yield Span(span.unit, span.index, span.begin + shift, span.end + shift)
