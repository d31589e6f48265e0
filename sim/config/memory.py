"""Main memory, as the accelerator sees it."""

from fractions import Fraction
from typing import Annotated

from pydantic import Field

from .base import Frozen


class MemoryConfig(Frozen):
    """Main memory behind one interface."""

    kind: str
    """Name of the memory's type, for people only."""
    bandwidth_mb_per_s: Annotated[int, Field(ge=1, le=10_000_000)]
    """Rate at which the memory delivers data, in 10^6 bytes a second; state the sustained rate if it is below the
    peak."""
    latency_ns: Annotated[float, Field(gt=0, le=100_000)]
    """Time from a request to its first data."""
    energy_pj_per_bit: Annotated[float, Field(ge=0, le=1e9)]
    """Energy of moving one bit, interface included."""

    def bytes_per_cycle(self, clock_mhz: int) -> Fraction:
        """Return the number of bytes that the memory delivers in one cycle of a clock."""
        return Fraction(self.bandwidth_mb_per_s, clock_mhz)
