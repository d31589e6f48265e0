"""Timing of a memory on AXI4, for benches."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Memory timing: latencies in cycles, rates in beats per cycle."""

    latency: int = 1
    rate: Fraction = Fraction(1)
    write_latency: int = 1
    write_rate: Fraction = Fraction(1)


NEAR = Timing()
"""Timing of a memory that answers at once."""
