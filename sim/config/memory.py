"""Main memory, as the accelerator sees it."""

from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from tilewright.base.errors import suggest
from tilewright.base.text import shown

from .base import Frozen
from .dram import DramKind, dram_names, load_dram
from .figures import NumberOrLevels


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


class TurnaroundConfig(Frozen):
    """Turns of reads and writes, which share the wires of main memory, in equal intervals."""

    interval_ns: Annotated[float, Field(gt=0, le=1e6)]
    """Time without refresh from the begin of one turn of writes to that of the next; in cycles it is rounded down. The
    times below come first in it, and reads have the rest."""
    read_to_write_ns: Annotated[float, Field(ge=0, le=1e6)]
    """Time from the last data of a read to the first of a write; in cycles it is rounded up, as the other two."""
    write_ns: Annotated[float, Field(gt=0, le=1e6)]
    """Time for which writes have the memory."""
    write_to_read_ns: Annotated[float, Field(ge=0, le=1e6)]
    """Time from the last data of a write to the first of a read."""

    def cycles(self, clock_mhz: int) -> tuple[int, int, int, int]:
        """Return the interval and the three times in cycles of a clock, in the order of the fields."""

        def up(time: float) -> int:
            return -int(-time * clock_mhz // 1000)

        interval = int(self.interval_ns * clock_mhz // 1000)
        return interval, up(self.read_to_write_ns), up(self.write_ns), up(self.write_to_read_ns)


class MemoryConfig(Frozen):
    """Main memory behind one interface."""

    kind: str
    """Kind of DRAM, whose figures of energy and power hold where none are stated: DDR4, HBM2E, LPDDR4X, LPDDR5 or
    LPDDR5X. Any other text is allowed if energy_pj_per_bit is stated."""
    bandwidth_mb_per_s: Annotated[int, Field(ge=1, le=10_000_000)]
    """Rate at which the memory delivers data between refreshes, in 10^6 bytes a second; state the sustained rate if it
    is below the peak."""
    latency_ns: Annotated[float, Field(gt=0, le=100_000)]
    """Time from a request to its first data."""
    devices: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Number of devices (dies, chips or stacks with an interface of their own), each of which takes the background
    power of its kind; if absent, the fewest that have the bandwidth."""
    energy_pj_per_bit: NumberOrLevels = None
    """Energy of moving one bit, interface included, in place of the kind's: a number, or a table of low, mid and
    high."""
    background_mw: NumberOrLevels = None
    """Power of the whole memory that does not depend on the bits moved, in place of the kind's: a number, or a table of
    low, mid and high."""
    refresh: RefreshConfig | None = None
    """Refresh of the memory; the memory is never refreshed if the table is absent."""
    turnaround: TurnaroundConfig | None = None
    """Turns of reads and writes; each direction has the whole bandwidth at any time if the table is absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.energy_pj_per_bit is None and self.dram is None:
            raise ValueError(
                f"kind = {shown(self.kind)} is not allowed without energy_pj_per_bit{suggest(self.kind, dram_names())}"
            )
        return self

    @property
    def dram(self) -> DramKind | None:
        """Figures of the kind of DRAM; None if the kind has none."""
        return load_dram(self.kind) if self.kind in dram_names() else None

    def bytes_per_cycle(self, clock_mhz: int) -> Fraction:
        """Return the number of bytes that the memory delivers in one cycle of a clock, between refreshes."""
        return Fraction(self.bandwidth_mb_per_s, clock_mhz)

    @property
    def sustained_mb_per_s(self) -> float:
        """Rate of reads over whole intervals of refresh and turns, in 10^6 bytes a second."""
        share = 1 - self.refresh.time_ns / self.refresh.interval_ns if self.refresh else 1
        if self.turnaround:
            turn = self.turnaround
            share *= 1 - (turn.read_to_write_ns + turn.write_ns + turn.write_to_read_ns) / turn.interval_ns
        return self.bandwidth_mb_per_s * share

    def turn_cycles(self, clock_mhz: int) -> tuple[int, int, int, int]:
        """Return the interval of turns, and the cycles of a clock from reads to writes, of writes, and from writes to
        reads; 1 and 0 without turns."""
        return self.turnaround.cycles(clock_mhz) if self.turnaround else (1, 0, 0, 0)

    def refresh_cycles(self, clock_mhz: int) -> tuple[int, int]:
        """Return the period of refresh and the length of a refresh in cycles of a clock; 1 and 0 without refresh."""
        if self.refresh is None:
            return 1, 0
        return int(self.refresh.interval_ns * clock_mhz // 1000), -int(-self.refresh.time_ns * clock_mhz // 1000)
