"""Timelines of runs: what units executed, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

from tilewright.sim.isa.units import Unit


@dataclass(slots=True)
class Span:
    """A command that a unit executed, from the cycle in which it began to the cycle in which it had ended."""

    unit: Unit
    index: int
    begin: int
    end: int


def repeated(spans: Sequence[Span], cycles: int, times: int) -> list[Span]:
    """Return spans once more for each of some repetitions, so many cycles apart."""
    shifts = range(cycles, (times + 1) * cycles, cycles)
    return [Span(each.unit, each.index, each.begin + shift, each.end + shift) for shift in shifts for each in spans]
