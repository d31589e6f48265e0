"""Parameters of the accelerator: a vector unit and a CIM array, an NPE or both around a scratchpad, fed by a command
processor and an AXI4 master.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tilewright.base.errors import ConfigError
from tilewright.sim.isa.widths import COMMAND_BYTES, PAGE_BYTES, SCRATCHPAD_ADDRESS_BITS

from .base import Frozen
from .cim import TileConfig, divide_up
from .cim_array import CIMArrayConfig
from .npe import NpeConfig
from .vector import VectorConfig

NO_ARRAY = "cim = None is not allowed here: the system has no CIM array, and a table cim describes one"
"""Error about a system without a CIM array, where one is needed."""


class FabricConfig(Frozen):
    """Scratchpad, bus, buffers and queues that connect the units of an accelerator."""

    banks: Annotated[int, Field(ge=4, le=32)] = 8
    """Number of scratchpad banks, a power of two; each bank has one read port and one write port."""
    address_bits: Annotated[int, Field(ge=16, le=48)] = 32
    """Width of a byte address in main memory."""
    bus_bits: Annotated[int, Field(ge=32, le=1024)] = 128
    """Width of the data bus of the AXI4 master, a power of two."""
    outstanding: Annotated[int, Field(ge=1, le=64)] = 16
    """Maximum number of bursts in flight in each direction."""
    max_burst: Annotated[int, Field(ge=1, le=256)] = 32
    """Maximum number of beats in a burst, a power of two."""
    weight_buffer_beats: Annotated[int, Field(ge=4, le=65536)] = 1024
    """Capacity of the weight buffer in front of the array in beats: a power of two, at least two bursts."""
    queue_depth: Annotated[int, Field(ge=2, le=64)] = 16
    """Number of commands that can wait in the queue of each unit."""
    fetch_depth: Annotated[int, Field(ge=2, le=64)] = 8
    """Number of commands that the command processor fetches ahead."""


class AcceleratorConfig(FabricConfig):
    """Parameters of one accelerator; see docs/accelerator.md."""

    cim: CIMArrayConfig | None = None
    """Parameters of the CIM array; the accelerator has no array if the table is absent, and then needs an NPE."""
    vector: VectorConfig
    """Parameters of the vector unit; its address_bits is the address width of one bank."""
    npe: NpeConfig | None = None
    """Parameters of the NPE, a unit with an AXI4 port of its own; its address_bits must equal the fabric's. The
    accelerator has no NPE if the table is absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("banks", "bus_bits", "max_burst", "weight_buffer_beats"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ValueError(f"{name} = {value} is not allowed: it must be a power of two")
        word = self.vector.word_bits
        if self.cim is None and self.npe is None:
            raise ValueError("cim = None is not allowed without npe: there must be a table cim, npe or both")
        if self.bus_bits > word:
            raise ValueError(
                f"bus_bits = {self.bus_bits} is not allowed: a word of the scratchpad, of {self.vector.lanes} lanes, "
                f"has {word}"
            )
        if self.max_burst * self.bus_bytes < COMMAND_BYTES:
            raise ValueError(
                f"max_burst = {self.max_burst} is not allowed: a command, read at once, has "
                f"{self.command_beats} beats of {self.bus_bits} bits"
            )
        if self.cim is not None:
            self._check_tile(self.cim.tile, word)
        if self.weight_buffer_beats < 2 * self.burst_beats:
            raise ValueError(
                f"weight_buffer_beats = {self.weight_buffer_beats} is not allowed: it must hold two bursts of "
                f"{self.burst_beats}"
            )
        if self.npe is not None and self.npe.address_bits != self.address_bits:
            raise ValueError(
                f"npe.address_bits = {self.npe.address_bits} is not allowed: addresses in memory have "
                f"{self.address_bits} bits"
            )
        if self.scratchpad_bytes > 1 << SCRATCHPAD_ADDRESS_BITS:
            raise ValueError(f"banks = {self.banks} is not allowed: commands address 4 GiB of scratchpad")
        return self

    def _check_tile(self, tile: TileConfig, word: int) -> None:
        """Refuse tiles that do not fit to the bus, to the scratchpad or to the vector unit."""
        if tile.weight_bus_bits != self.bus_bits:
            raise ValueError(
                f"cim.tile.weight_bus_bits = {tile.weight_bus_bits} is not allowed: weights come from the bus, of "
                f"{self.bus_bits} bits"
            )
        for name in ("activation_bus_bits", "result_bus_bits"):
            value = getattr(tile, name)
            if value > word or value & (value - 1):
                raise ValueError(
                    f"cim.tile.{name} = {value} is not allowed: it must be a power of two up to {word}, a word of the "
                    "scratchpad"
                )
        if tile.columns & (tile.columns - 1):
            raise ValueError(
                f"cim.tile.macro.columns = {tile.macro.columns} is not allowed: the {tile.columns} columns of a tile "
                "must be a power of two"
            )
        if tile.accumulator_bits != 32:
            raise ValueError(
                f"cim.tile.accumulator_bits = {tile.accumulator_bits} is not allowed: the vector unit takes INT32"
            )

    @property
    def cim_array(self) -> CIMArrayConfig:
        """Parameters of the CIM array.

        Raises
        ------
        ConfigError
            If there is none.
        """
        if self.cim is None:
            raise ConfigError(NO_ARRAY)
        return self.cim

    @property
    def bus_bytes(self) -> int:
        """Number of bytes in a beat; every load begins at a multiple of it in main memory and in the scratchpad."""
        return self.bus_bits // 8

    @property
    def command_beats(self) -> int:
        """Number of beats that are read for a command; a beat wider than a command is read for each command in it."""
        return divide_up(COMMAND_BYTES, self.bus_bytes)

    @property
    def command_read_bytes(self) -> int:
        """Number of bytes that are read for a command."""
        return self.command_beats * self.bus_bytes

    @property
    def burst_beats(self) -> int:
        """Number of beats in the longest burst that the accelerator ever requests."""
        return min(self.max_burst, PAGE_BYTES // self.bus_bytes)

    @property
    def word_bytes(self) -> int:
        """Number of bytes in a scratchpad word, which holds one FP32 number for each lane."""
        return self.vector.word_bits // 8

    @property
    def bank_bytes(self) -> int:
        """Size of a bank in bytes; the first bank begins at address 0 and the others follow."""
        return self.vector.lanes << self.vector.address_bits

    @property
    def scratchpad_bytes(self) -> int:
        """Size of all banks together in bytes."""
        return self.banks * self.bank_bytes

    @property
    def activation_bytes(self) -> int:
        """Bytes of activations that the array takes in a cycle; the activations of a product begin at multiples of
        it."""
        return self.cim_array.tile.activation_bus_bits // 8

    @property
    def result_bytes(self) -> int:
        """Bytes of results that the array sends in a cycle; the results of a product begin at multiples of it."""
        return self.cim_array.tile.result_bus_bits // 8

    @property
    def macs_per_cycle(self) -> float:
        """Number of multiply-accumulates in a cycle at full use: of the CIM array, or of an NPE alone in its widest
        format."""
        if self.cim is not None:
            return self.cim.macs_per_cycle
        assert self.npe is not None
        return self.npe.macs_per_cycle(max(self.npe.modes, key=lambda mode: -mode.lanes))

    def bank(self, address: int) -> int:
        """Return the index of the bank that contains a byte address of the scratchpad."""
        return address // self.bank_bytes
