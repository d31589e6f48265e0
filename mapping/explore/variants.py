"""Variants of a design in which one resource is a tenth faster: what more of it would give, and what the time goes to.

If clock, bandwidth and latency of memory are all a factor faster, the run takes that much less time: cycles stay as
they are. So the effects of the three, each alone, divide the time among them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tilewright.sim.config import System

FACTOR = 1.1


@dataclass(frozen=True)
class Resource:
    """Something that a design may have more of, whatever its structure."""

    field: str
    """Field of the system that says how much there is."""
    value: Callable[[System, float], float | int]
    """Function that returns the field's value for a resource that is a factor faster."""

    def changes(self, system: System, factor: float) -> dict[str, object]:
        """Return the change of a system that makes the resource a factor faster."""
        return {self.field: self.value(system, factor)}


RESOURCES = {
    "memory bandwidth": Resource(
        "memory.bandwidth_mb_per_s", lambda system, factor: max(1, round(system.memory.bandwidth_mb_per_s * factor))
    ),
    "memory latency": Resource("memory.latency_ns", lambda system, factor: system.memory.latency_ns / factor),
    "clock": Resource("clock_mhz", lambda system, factor: max(1, round(system.clock_mhz * factor))),
}
FASTER = {f"{name}, faster": (name, FACTOR) for name in RESOURCES}
"""Variants by name: the resource, and the factor by which it is faster."""
SLOWER = {f"{name}, slower": (name, 1 / FACTOR) for name in RESOURCES}


def variant_changes(variant: str, system: System) -> dict[str, object]:
    """Return what a variant changes in a system; the variant without a name changes nothing."""
    if not variant:
        return {}
    name, factor = (FASTER | SLOWER)[variant]
    return RESOURCES[name].changes(system, factor)


def shares(seconds: float, others: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Return the share of the time that goes to each resource; shares add up to 1.

    Parameters
    ----------
    seconds : float
        Time of the design.
    others : mapping
        Time of the design with another speed of the resource, and the factor between the speeds, by resource.
    """
    effects = {name: max(0.0, math.log(seconds / other) / math.log(factor)) for name, (other, factor) in others.items()}
    whole = sum(effects.values())
    return {name: effect / whole if whole else 1 / len(effects) for name, effect in effects.items()}
