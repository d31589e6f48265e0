"""Main memory, as the accelerator sees it."""

from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from .base import Frozen


class RefreshConfig(Frozen):
    """Refresh of all banks of main memory at once, in equal intervals."""

    interval_ns: Annotated[float, Field(gt=0, le=1e6)]
    """Time from the begin of one refresh to that of the next, tREFI; in cycles it is rounded down."""
    time_ns: Annotated[float, Field(gt=0, le=1e6)]
    """Time of a refresh, tRFCab, in which the memory moves no data; in cycles it is rounded up."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.time_ns >= self.interval_ns:
            raise ValueError(
                f"time_ns = {self.time_ns:g} is not allowed: it must be below interval_ns = {self.interval_ns:g}"
            )
        return self


class MemoryConfig(Frozen):
    """Main memory behind one interface."""

    kind: str
    """Name of the memory's type, for people only."""
    bandwidth_mb_per_s: Annotated[int, Field(ge=1, le=10_000_000)]
    """Rate at which the memory delivers data between refreshes, in 10^6 bytes a second; state the sustained rate if it
    is below the peak."""
    latency_ns: Annotated[float, Field(gt=0, le=100_000)]
    """Time from a request to its first data."""
    energy_pj_per_bit: Annotated[float, Field(ge=0, le=1e9)]
    """Energy of moving one bit, interface included."""
    refresh: RefreshConfig | None = None
    """Refresh of the memory; the memory is never refreshed if the table is absent."""

    def bytes_per_cycle(self, clock_mhz: int) -> Fraction:
        """Return the number of bytes that the memory delivers in one cycle of a clock, between refreshes."""
        return Fraction(self.bandwidth_mb_per_s, clock_mhz)

    @property
    def sustained_mb_per_s(self) -> float:
        """Rate over whole intervals of refresh, in 10^6 bytes a second."""
        share = 1 - self.refresh.time_ns / self.refresh.interval_ns if self.refresh else 1
        return self.bandwidth_mb_per_s * share

    def refresh_cycles(self, clock_mhz: int) -> tuple[int, int]:
        """Return the period of refresh and the length of a refresh in cycles of a clock; 1 and 0 without refresh."""
        if self.refresh is None:
            return 1, 0
        return int(self.refresh.interval_ns * clock_mhz // 1000), -int(-self.refresh.time_ns * clock_mhz // 1000)
