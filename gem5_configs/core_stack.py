"""Divides the time of a run by the part that would have to be faster."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Stack:
    """Nanoseconds of a run, none below zero; their sum is its time."""

    base: float = 0.0
    """Issue and dependences, in the core's clock."""
    branch: float = 0.0
    """Refilling the pipeline after a branch that was predicted wrong, in the core's clock."""
    l1i: float = 0.0
    """Waiting for the first-level instruction cache."""
    l1d: float = 0.0
    """Waiting for the first-level data cache."""
    l2: float = 0.0
    """Waiting for the second level and its crossbar."""
    l3: float = 0.0
    """Waiting for the third level and its crossbar."""
    dram: float = 0.0
    """Waiting for the bus and main memory."""

    @property
    def total(self) -> float:
        """Time of the run in nanoseconds."""
        return sum(getattr(self, part) for part in PARTS)

    def scaled(self, factor: float) -> "Stack":
        """Return the same shares of a time that is ``factor`` times as long."""
        return Stack(**{part: getattr(self, part) * factor for part in PARTS})

    def __add__(self, other: "Stack") -> "Stack":
        return Stack(**{part: getattr(self, part) + getattr(other, part) for part in PARTS})


PARTS = tuple(field.name for field in fields(Stack))
