"""Error of the estimates against the exact model, as it was measured, and the ranges over which it was."""

import json
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .designs import Designs
from .workload import Workload

FILE = Path(__file__).with_suffix(".json")
"""Measurements, written by ``python -m benchmarks.estimate_error``."""


OPTIONAL = ("cim.tile.group_rows",)
"""Fields that are 0 in systems without the part that they describe."""


@dataclass(frozen=True)
class MeasuredError:
    """Error of the estimated cycles of a phase: the largest and the median deviation from the exact model."""

    phase: str
    systems: int
    """Number of random systems, each with a model and a context."""
    worst: float
    """Largest deviation, as a fraction of the exact cycles."""
    median: float
    """Median deviation from the exact cycles."""
    refused: float
    """Fraction of the systems for which the estimate is wrong about whether the compiler finds room."""
    contexts: tuple[int, int]
    """Smallest and largest context."""
    models: tuple[str, ...]
    """Names of the models."""
    fields: dict[str, tuple[Any, ...]]
    """Values of each field of a system that were drawn, by dotted path."""
    bus_shares: tuple[float, ...]
    """Parts of the bus that memory's bandwidth fills."""


@cache
def measured_error(phase: str) -> MeasuredError:
    """Return the error of the estimates of a phase, from the data that come with Tilewright."""
    data: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))[phase]
    fields = {path: tuple(values) for path, values in data.pop("fields").items()}
    data |= {name: tuple(data[name]) for name in ("contexts", "models", "bus_shares")}
    return MeasuredError(phase=phase, fields=fields, **data)


def _drawn(values: tuple[Any, ...], name: Any) -> float:
    return float(str(name) in values)


def within_ranges(workload: Workload, designs: Designs) -> np.ndarray:
    """Return the mask of the designs whose fields, with the context, lie within the ranges of the measured error."""
    error = measured_error(workload.phase)
    within = np.full(len(designs), error.contexts[0] <= workload.context <= error.contexts[1])
    for path, values in error.fields.items():
        given = designs.field(path)
        if given is None:
            continue  # a part that a system need not have
        if isinstance(values[0], str):
            within &= designs.looked_up(path, partial(_drawn, values)) > 0
        else:
            number = designs.number(path)
            low = 0 if path in OPTIONAL else min(values)
            within &= (low <= number) & (number <= max(values))
    bus = designs.number("clock_mhz") * designs.number("fabric.bus_bits") / 8
    share = designs.number("memory.bandwidth_mb_per_s") / bus
    # Bandwidths are whole numbers of MB/s.
    within &= (min(error.bus_shares) * 0.99 <= share) & (share <= max(error.bus_shares))
    return within
