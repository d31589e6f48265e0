"""Caches, crossbars and main memory of a host."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Frozen

Cycles = Annotated[int, Field(ge=0, le=1000)]
Nanoseconds = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]

LINE_BYTES = 64
"""Of a line of every cache. Source: arXiv 2408.03308, artefact."""


class CacheConfig(Frozen):
    """One cache; cycles are those of its own clock."""

    size_kib: Annotated[int, Field(ge=1, le=4_194_304)]
    """Capacity."""
    ways: Annotated[int, Field(ge=1, le=1024)]
    """Associativity."""
    tag_cycles: Annotated[int, Field(ge=1, le=1000)]
    """Latency of the tags."""
    data_cycles: Annotated[int, Field(ge=1, le=1000)]
    """Latency of the data, looked up with the tags at once."""
    response_cycles: Annotated[int, Field(ge=0, le=1000)]
    """From the answer of the level below to that of this one."""
    mshrs: Annotated[int, Field(ge=1, le=1024)]
    """Lines that may be missing at once."""
    targets: Annotated[int, Field(ge=1, le=1024)]
    """Accesses that may wait for one line."""
    prefetcher: Literal["none", "stride"] = "none"
    """What asks for lines ahead: gem5's stride prefetcher with its own defaults, or nothing."""

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
        """Cycles of a hit: tags and data are looked up at once."""
        return max(self.tag_cycles, self.data_cycles)


class CrossbarConfig(Frozen):
    """A crossbar; cycles are those of the domain that it is in."""

    width_bytes: Annotated[int, Field(ge=1, le=1024)]
    """Bytes of a line that pass in a cycle."""
    frontend_cycles: Cycles
    """To decide where a request goes."""
    forward_cycles: Cycles
    """To send a request on."""
    response_cycles: Cycles
    """To send an answer back."""
    header_cycles: Cycles
    """Of the header of a packet."""

    @property
    def round_trip_cycles(self) -> int:
        """Cycles of a request and its answer, without waiting for others or for the rest of the line."""
        return self.frontend_cycles + self.forward_cycles + self.response_cycles + 2 * self.header_cycles

    @property
    def line_cycles(self) -> int:
        """Cycles for which a line occupies it."""
        return -(-LINE_BYTES // self.width_bytes)


class DramConfig(Frozen):
    """One channel of main memory."""

    kind: Literal["DDR3_1600_8x8", "LPDDR3_1600_1x32"]
    """Name of gem5's interface, which has all timings; those below are the ones that predictions use."""
    clock_ns: Nanoseconds
    """tCK."""
    read_ns: Nanoseconds
    """tCL: from a column to its data."""
    activate_ns: Nanoseconds
    """tRCD: from a row to its columns."""
    precharge_ns: Nanoseconds
    """tRP: closing a row."""
    row_ns: Nanoseconds
    """tRAS: least time for which a row is open."""
    burst_ns: Annotated[float, Field(gt=0, le=1000)]
    """Data of one burst."""
    burst_bytes: Literal[32, 64]
    """Of one burst."""
    ranks: Annotated[int, Field(ge=1, le=16)]
    """On the channel."""
    banks: Annotated[int, Field(ge=1, le=64)]
    """In each rank."""
    frontend_ns: Nanoseconds
    """Of the controller, before a request is queued."""
    backend_ns: Nanoseconds
    """Of the controller, after the data came."""
    read_buffer_entries: Annotated[int, Field(ge=1, le=1024)]
    """Bursts that may wait to be read."""
    write_buffer_entries: Annotated[int, Field(ge=1, le=1024)]
    """Bursts that may wait to be written."""


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
"""Eight devices of eight bits. Source: arXiv 2408.03308, artefact."""

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
"""One device of 32 bits, for hand-held machines. Source: gem5 24.0, src/mem/DRAMInterface.py, LPDDR3_1600_1x32."""

MEMORIES = {"ddr3-1600": DDR3_1600, "lpddr3-1600": LPDDR3_1600}
"""Memories by name."""
