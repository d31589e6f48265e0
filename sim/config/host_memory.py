"""Caches, crossbars and main memory of a host."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Frozen

Cycles = Annotated[int, Field(ge=0, le=1000)]
Nanoseconds = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]

LINE_BYTES = 64
"""Size of a line of every cache in bytes. Source: arXiv 2408.03308, artefact."""


class CacheConfig(Frozen):
    """Parameters of one cache; its cycles are cycles of its own clock."""

    size_kib: Annotated[int, Field(ge=1, le=4_194_304)]
    """Capacity of the cache in KiB."""
    ways: Annotated[int, Field(ge=1, le=1024)]
    """Number of ways of each set (associativity)."""
    tag_cycles: Annotated[int, Field(ge=1, le=1000)]
    """Cycles of a tag access."""
    data_cycles: Annotated[int, Field(ge=1, le=1000)]
    """Cycles of a data access, which takes place at the same time as the tag access."""
    response_cycles: Annotated[int, Field(ge=0, le=1000)]
    """Cycles from the answer of the next level to the answer of this cache."""
    mshrs: Annotated[int, Field(ge=1, le=1024)]
    """Maximum number of lines that miss at the same time."""
    targets: Annotated[int, Field(ge=1, le=1024)]
    """Maximum number of accesses that wait for one line."""
    prefetcher: Literal["none", "stride"] = "none"
    """Prefetcher of the cache: gem5's stride prefetcher with its own defaults, or none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        sets, rest = divmod(self.size_kib * 1024, LINE_BYTES * self.ways)
        if rest or sets & (sets - 1) or not sets:
            raise ValueError(
                f"size_kib = {self.size_kib} is not allowed: with {self.ways} ways of {LINE_BYTES} B lines "
                "the number of sets must be a power of two"
            )
        return self

    @property
    def hit_cycles(self) -> int:
        """Cycles of a hit; tags and data are looked up at the same time."""
        return max(self.tag_cycles, self.data_cycles)


class CrossbarConfig(Frozen):
    """Parameters of a crossbar; its cycles are cycles of the clock domain that contains it."""

    width_bytes: Annotated[int, Field(ge=1, le=1024)]
    """Number of bytes of a line that pass in a cycle."""
    frontend_cycles: Cycles
    """Cycles to decide where a request goes."""
    forward_cycles: Cycles
    """Cycles to forward a request."""
    response_cycles: Cycles
    """Cycles to send an answer back."""
    header_cycles: Cycles
    """Cycles that the header of a packet takes."""

    @property
    def round_trip_cycles(self) -> int:
        """Cycles of a request and its answer, without contention and without the rest of the line."""
        return self.frontend_cycles + self.forward_cycles + self.response_cycles + 2 * self.header_cycles

    @property
    def line_cycles(self) -> int:
        """Cycles for which a line occupies the crossbar."""
        return -(-LINE_BYTES // self.width_bytes)


class DramConfig(Frozen):
    """Parameters of one channel of main memory."""

    kind: Literal["DDR3_1600_8x8", "LPDDR3_1600_1x32"]
    """Name of gem5's memory interface, which defines all timings; predictions use the fields below."""
    clock_ns: Nanoseconds
    """Clock period tCK."""
    read_ns: Nanoseconds
    """Time tCL from a column access to its data."""
    activate_ns: Nanoseconds
    """Time tRCD from a row activation to a column access."""
    precharge_ns: Nanoseconds
    """Time tRP that closes a row."""
    row_ns: Nanoseconds
    """Minimum time tRAS for which a row is open."""
    burst_ns: Annotated[float, Field(gt=0, le=1000)]
    """Time that the data of one burst takes."""
    burst_bytes: Literal[32, 64]
    """Number of bytes in one burst."""
    ranks: Annotated[int, Field(ge=1, le=16)]
    """Number of ranks on the channel."""
    banks: Annotated[int, Field(ge=1, le=64)]
    """Number of banks in each rank."""
    frontend_ns: Nanoseconds
    """Time that a request spends in the controller before the controller queues it."""
    backend_ns: Nanoseconds
    """Time that data spends in the controller after the memory has delivered it."""
    read_buffer_entries: Annotated[int, Field(ge=1, le=1024)]
    """Number of bursts that can wait to be read."""
    write_buffer_entries: Annotated[int, Field(ge=1, le=1024)]
    """Number of bursts that can wait to be written."""


DDR3_1600 = DramConfig(
    kind="DDR3_1600_8x8",
    clock_ns=1.25,
    read_ns=13.75,
    activate_ns=13.75,
    precharge_ns=13.75,
    row_ns=35,
    burst_ns=5,
    burst_bytes=64,
    ranks=2,
    banks=8,
    frontend_ns=10,
    backend_ns=10,
    read_buffer_entries=32,
    write_buffer_entries=64,
)
"""A channel of eight DDR3-1600 devices of eight bits each. Source: arXiv 2408.03308, artefact."""

LPDDR3_1600 = DramConfig(
    kind="LPDDR3_1600_1x32",
    clock_ns=1.25,
    read_ns=15,
    activate_ns=18,
    precharge_ns=18,
    row_ns=42,
    burst_ns=5,
    burst_bytes=32,
    ranks=1,
    banks=8,
    frontend_ns=10,
    backend_ns=10,
    read_buffer_entries=32,
    write_buffer_entries=64,
)
"""A channel of one LPDDR3-1600 device of 32 bits, as in hand-held machines. Source: gem5 24.0,
src/mem/DRAMInterface.py, LPDDR3_1600_1x32."""

MEMORIES = {"ddr3-1600": DDR3_1600, "lpddr3-1600": LPDDR3_1600}
"""Memory channels that come with Tilewright, by name."""
