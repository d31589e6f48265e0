"""Parameters of the NPE (matrix co-processor): geometry, bus, number formats and buffers.

Sizes that hardware and exact model both need are properties here.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, field_serializer, field_validator, model_validator

from tilewright.sim.formats.simd import ALL_MODES, WORD_BITS, Mode, parse_modes
from tilewright.sim.isa.widths import PAGE_BYTES, RECORD_BYTES

from .base import Frozen
from .cim import divide_up

ArraySide = Literal[2, 4, 8, 16, 32]

CORE_LATENCY = 3
"""Cycles of a SIMD MAC between decoders and read-out; the RTL refuses to be built with another number."""
READ_OUT_LATENCY = 4
"""Cycles from a sum in the accumulator to FP32."""
PARAMETER_LATENCY = 2
"""Cycles from the address of a parameter to the parameter."""
EPILOGUE_LATENCY = 27
"""Cycles from an FP32 sum to its code."""
REDUCTION_INTERVAL = 6
"""Minimum cycles between FP32 additions of which each needs the result of the one before."""
_NAMES = [mode.label for mode in ALL_MODES]
_NAMED = (
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"enum": _NAMES}}, {"type": "string"}]}),
    Field(json_schema_extra={"default": [*_NAMES]}),
)
"""Annotations that let descriptions and their schema name formats."""


class NpeConfig(Frozen):
    """Parameters of the NPE: an array of SIMD MACs with one AXI4 port and one AXI4-Lite port."""

    rows: ArraySide = 8
    """Number of array rows; the MACs of a column share a word of B, so this is the number of rows of C computed at a
    time."""
    columns: ArraySide = 8
    """Number of array columns; the MACs of a row share a word of A, so this is the number of columns of C computed at a
    time."""
    bus_bits: Literal[64, 128, 256, 512] = 128
    """Width of the AXI4 data bus in bits."""
    modes: Annotated[tuple[Mode, ...], *_NAMED] = ALL_MODES
    """Number formats that the array supports: their names, `all` or `xr-npe`."""
    depth: Annotated[int, Field(ge=2, le=4096)] = 64
    """Number of beats in one row of a panel, a power of two."""
    panels: Annotated[int, Field(ge=2, le=1024)] = 4
    """Number of panels of A on chip."""
    results_per_cycle: Literal[1, 2, 4] = 2
    """Maximum number of sums of a column that leave the array in a cycle; each of them has an epilogue of its own."""
    outstanding: Annotated[int, Field(ge=1, le=256)] = 8
    """Maximum number of read bursts in flight, and of write bursts in flight."""
    max_burst: Annotated[int, Field(ge=1, le=256)] = 64
    """Number of beats in the longest burst, a power of two."""
    address_bits: Annotated[int, Field(ge=32, le=64)] = 32
    """Width of the AXI4 addresses in bits."""

    @field_validator("modes", mode="before")
    @classmethod
    def _parse_modes(cls, value: object) -> tuple[Mode, ...]:
        if isinstance(value, str):
            return parse_modes(value)
        if not isinstance(value, Iterable):
            raise ValueError(f"modes = {value!r} is not allowed: it must be names of formats, `all` or `xr-npe`")
        modes: list[Mode] = []
        for each in value:
            if isinstance(each, str):
                modes += parse_modes(each)
            else:
                modes.append(_mode(each))
        return tuple(sorted(modes))

    @field_serializer("modes")
    def _mode_names(self, modes: tuple[Mode, ...]) -> tuple[str, ...]:
        return tuple(mode.label for mode in modes)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("depth", "max_burst"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ValueError(f"{name} = {value} is not allowed: it must be a power of two")
        if self.results_per_cycle > self.rows:
            raise ValueError(
                f"results_per_cycle = {self.results_per_cycle} is not allowed: it must be at most rows = {self.rows}"
            )
        if not self.modes:
            raise ValueError("modes = () is not allowed: there must be at least one")
        if len(set(self.modes)) < len(self.modes):
            names = ",".join(mode.label for mode in self.modes)
            raise ValueError(f"modes = {names} is not allowed: each format may be there once")
        return self

    @property
    def bus_bytes(self) -> int:
        """Number of bytes in a beat; addresses and strides are multiples of it."""
        return self.bus_bits // 8

    @property
    def words_per_beat(self) -> int:
        """Number of 16-bit words in a beat."""
        return self.bus_bits // WORD_BITS

    @property
    def burst_beats(self) -> int:
        """Number of beats in the longest burst that the NPE ever requests: at most ``max_burst`` and at most a page of
        4 KiB."""
        return min(self.max_burst, PAGE_BYTES // self.bus_bytes)

    @property
    def panel_words(self) -> int:
        """Number of 16-bit words in one row of a panel: the longest part of a dot product that is on chip at a time."""
        return self.depth * self.words_per_beat

    @property
    def vector_chunks(self) -> int:
        """Number of chunks of A that stay on chip if A has one row: the panels of all rows of the array."""
        return self.rows * self.panels

    @property
    def b_panel_bytes(self) -> int:
        """Size of one panel of B in bytes: ``columns`` rows of ``depth`` beats."""
        return self.columns * self.depth * self.bus_bytes

    @property
    def record_alignment(self) -> int:
        """Alignment in bytes of the address of the reductions, which are records of 16 bytes."""
        return max(RECORD_BYTES, self.bus_bytes)

    @property
    def array_latency(self) -> int:
        """Cycles from a word at the array's edge to its captured sum: decoders and MAC."""
        return 1 + CORE_LATENCY

    @property
    def result_latency(self) -> int:
        """Cycles from the output of the array to the code of the element: read-out, parameters and epilogue."""
        return READ_OUT_LATENCY + PARAMETER_LATENCY + EPILOGUE_LATENCY

    @property
    def parameter_latency(self) -> int:
        """Cycles from the output of the array to the use of the element's parameters."""
        return READ_OUT_LATENCY

    @property
    def reduction_interval(self) -> int:
        """Minimum number of cycles between elements of a row whose reductions are computed."""
        return REDUCTION_INTERVAL

    def macs_per_cycle(self, mode: Mode) -> int:
        """Number of multiply-accumulates in a cycle at full use."""
        return self.rows * self.columns * mode.lanes

    def column_cycles(self, rows: int) -> int:
        """Number of cycles in which so many sums of a column leave the array."""
        return divide_up(rows, self.results_per_cycle)

    def words(self, mode: Mode, k: int) -> int:
        """Number of 16-bit words that hold ``k`` codes."""
        return divide_up(k, mode.lanes)

    def beats(self, mode: Mode, k: int) -> int:
        """Number of beats that hold ``k`` codes of a row of A or B."""
        return divide_up(k * mode.bits, self.bus_bits)


def _mode(value: object) -> Mode:
    try:
        return Mode(value)  # type: ignore[arg-type]
    except ValueError:
        names = ", ".join(mode.label for mode in ALL_MODES)
        raise ValueError(f"modes = {value!r} is not allowed: it must be one of {names}") from None
