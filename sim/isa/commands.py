"""Commands of the accelerator: 64 bytes in memory each, with their fields and the values that these may have.

A command is 16 words of 32 bits, little-endian. Word 0 is the head, see :data:`HEAD`; the fields of the other words
depend on the operation, see the annotations of its class. Words and bits that no field has are 0.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any, ClassVar

from tilewright.sim.config.accelerator import AcceleratorConfig

from .fields import Field, Layout
from .units import Unit, Units
from .vector_command import VectorCommand
from .widths import COUNT_BITS, DESCRIPTOR_BYTES, SCRATCHPAD_ADDRESS_BITS


class Opcode(IntEnum):
    """Operations; those of the units have the numbers 1 to 6."""

    LOAD = 1
    WEIGHTS = 2
    PRODUCT = 3
    VECTOR = 4
    STORE = 5
    JOBS = 6
    SET = 8
    ADD = 9
    LOOP = 10
    REPEAT = 11
    FENCE = 12
    END = 13


class Hexadecimal:
    """Marks an attribute that people read in hexadecimal, an address."""


_REGISTER = Field(0, 18, 4)
_MEMORY_ADDRESS = Field(1, 0, 64)
_ROW_SIZE, _ROWS, _STRIDE = Field(3, 0, COUNT_BITS), Field(3, 16, COUNT_BITS), Field(4, 0, 32)
_PLANES, _PLANE_STRIDE = Field(5, 0, COUNT_BITS), Field(6, 0, 32)
"""Fields that commands which read or write memory have in the same places."""


@dataclass(frozen=True, kw_only=True)
class CommandOfUnit(Layout):
    """A command that a unit executes."""

    wait: Annotated[Units, Field(0, 8, len(Unit))] = Units.NONE
    """The unit takes a signal of each of these units before it begins the command."""
    signal: Annotated[Units, Field(0, 13, len(Unit))] = Units.NONE
    """The unit gives a signal to each of these units when it has ended the command."""
    operator: object = field(default=None, compare=False, repr=False)
    """Operator of the graph that the command serves; memory does not hold it."""


HEAD = {"opcode": Field(0, 0, 8), **CommandOfUnit.FIELDS}
"""Fields of word 0 that all commands share; ``wait`` and ``signal`` only those of the units."""


@dataclass(frozen=True, kw_only=True)
class RowsOfMemory(CommandOfUnit):
    """A command that reads rows of whole beats from memory."""

    UNIT: ClassVar = Unit.LOAD

    register: Annotated[int, _REGISTER] = 0
    """Number of the address register that is added to ``address``, 1 to 8; 0 stands for none."""
    address: Annotated[int, _MEMORY_ADDRESS, Hexadecimal()]
    """Address of the first row in memory in bytes; it and the strides are multiples of a beat."""
    beats: Annotated[int, _ROW_SIZE]
    """Number of beats of a row."""
    rows: Annotated[int, _ROWS] = 1
    """Number of rows of a plane."""
    stride: Annotated[int, _STRIDE] = 0
    """Bytes from a row to the next in memory."""
    planes: Annotated[int, _PLANES] = 1
    """Number of planes of rows."""
    plane_stride: Annotated[int, _PLANE_STRIDE] = 0
    """Bytes from a plane to the next in memory."""

    @property
    def all_beats(self) -> int:
        """Beats of all rows of all planes."""
        return self.beats * self.rows * self.planes


@dataclass(frozen=True, kw_only=True)
class Load(RowsOfMemory):
    """Reads ``planes x rows`` rows of whole beats from memory into the scratchpad, one below the other."""

    OPCODE: ClassVar = Opcode.LOAD

    destination: Annotated[int, Field(7, 0, SCRATCHPAD_ADDRESS_BITS), Hexadecimal()]
    """Address of the first row in the scratchpad in bytes, a multiple of a beat."""
    pitch: Annotated[int, Field(8, 0, SCRATCHPAD_ADDRESS_BITS)] = 0
    """Bytes from a row to the next in the scratchpad, across planes too; a multiple of a beat."""


@dataclass(frozen=True, kw_only=True)
class Weights(RowsOfMemory):
    """Reads ``planes x rows`` rows of whole beats from memory, in this order, for the products to come."""

    OPCODE: ClassVar = Opcode.WEIGHTS


@dataclass(frozen=True, kw_only=True)
class Product(CommandOfUnit):
    """``out = a @ weights``: (vectors, k) of the array's activations times (k, n) of its weights, sums in INT32.

    Blocks of weights are taken as they come: for each block of columns those of its rows, for each block the parts of
    the tiles, each part row by row. Only the last part may have fewer columns than a tile.
    """

    OPCODE: ClassVar = Opcode.PRODUCT
    UNIT: ClassVar = Unit.ARRAY

    reduce: Annotated[bool, Field(0, 18, 1)] = False
    """Blocks of weights are as high as all tiles together instead of as wide."""
    narrow: Annotated[bool, Field(0, 19, 1)] = False
    """Weights have the array's narrow format; only where the array has one."""
    vectors: Annotated[int, Field(1, 0, COUNT_BITS)]
    """Number of rows of ``a`` and ``out``; at most the array's accumulators if ``k`` exceeds the rows of a block."""
    k: Annotated[int, Field(1, 16, COUNT_BITS)]
    """Number of elements of a vector, which is the number of rows of the weights."""
    n: Annotated[int, Field(2, 0, COUNT_BITS)]
    """Number of columns of the weights, a multiple of the results that the array sends a cycle."""
    a: Annotated[int, Field(3, 0, SCRATCHPAD_ADDRESS_BITS), Hexadecimal()]
    """Scratchpad address of the first vector in bytes, a multiple of the bytes of activations that the array takes a
    cycle."""
    a_pitch: Annotated[int, Field(4, 0, SCRATCHPAD_ADDRESS_BITS)] = 0
    """Bytes from a vector to the next, a multiple of the bytes of activations that the array takes a cycle."""
    out: Annotated[int, Field(5, 0, SCRATCHPAD_ADDRESS_BITS), Hexadecimal()]
    """Scratchpad address of the first row of results in bytes, a multiple of the bytes of results that the array sends
    a cycle."""
    out_pitch: Annotated[int, Field(6, 0, SCRATCHPAD_ADDRESS_BITS)] = 0
    """Bytes from a row of results to the next, a multiple of the bytes of results that the array sends a cycle."""


@dataclass(frozen=True, kw_only=True)
class Store(CommandOfUnit):
    """Writes ``planes x rows`` rows of ``count`` elements each to memory, where the elements of a row have no gaps.

    An element takes a cycle. Elements of a whole beat make for bursts.
    """

    OPCODE: ClassVar = Opcode.STORE
    UNIT: ClassVar = Unit.STORE

    register: Annotated[int, _REGISTER] = 0
    """Number of the address register that is added to ``address``, 1 to 8; 0 stands for none."""
    size: Annotated[int, Field(0, 22, 4)]
    """Size of an element as log2 of its bytes, at most a beat; addresses, strides and pitches are multiples of it."""
    packed: Annotated[bool, Field(0, 26, 1)] = False
    """Elements are bytes of which the lower four bits are written: two elements to a byte of memory, the first one
    lower; in a row of an odd number of elements the upper half of the last byte is 0."""
    address: Annotated[int, _MEMORY_ADDRESS, Hexadecimal()]
    """Address of the first row in memory in bytes."""
    count: Annotated[int, _ROW_SIZE]
    """Number of elements of a row."""
    rows: Annotated[int, _ROWS] = 1
    """Number of rows of a plane."""
    stride: Annotated[int, _STRIDE] = 0
    """Bytes from a row to the next in memory."""
    planes: Annotated[int, _PLANES] = 1
    """Number of planes of rows."""
    plane_stride: Annotated[int, _PLANE_STRIDE] = 0
    """Bytes from a plane to the next in memory."""
    source: Annotated[int, Field(7, 0, SCRATCHPAD_ADDRESS_BITS), Hexadecimal()]
    """Address of the first element in the scratchpad in bytes."""
    element_pitch: Annotated[int, Field(8, 0, SCRATCHPAD_ADDRESS_BITS)]
    """Bytes from an element of a row to the next in the scratchpad."""
    pitch: Annotated[int, Field(9, 0, SCRATCHPAD_ADDRESS_BITS)] = 0
    """Bytes from a row to the next in the scratchpad."""
    plane_pitch: Annotated[int, Field(10, 0, SCRATCHPAD_ADDRESS_BITS)] = 0
    """Bytes from a plane to the next in the scratchpad."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in memory."""
        return (self.count + 1) // 2 if self.packed else self.count << self.size


@dataclass(frozen=True, kw_only=True)
class Vector(CommandOfUnit):
    """A pass of the vector unit; addresses of matrices count ``lanes`` bytes from the start of the scratchpad."""

    OPCODE: ClassVar = Opcode.VECTOR
    UNIT: ClassVar = Unit.VECTOR

    command: VectorCommand
    """Pass that the vector unit runs."""


@dataclass(frozen=True, kw_only=True)
class Jobs(CommandOfUnit):
    """Runs ``count`` jobs of the NPE, whose descriptors lie in memory one after the other."""

    OPCODE: ClassVar = Opcode.JOBS
    UNIT: ClassVar = Unit.NPE

    register: Annotated[int, _REGISTER] = 0
    """Number of the address register that is added to ``address``, 1 to 8; 0 stands for none."""
    address: Annotated[int, _MEMORY_ADDRESS, Hexadecimal()]
    """Address of the first descriptor in bytes, a multiple of 128."""
    count: Annotated[int, _ROW_SIZE]
    """Number of descriptors."""

    @property
    def addresses(self) -> range:
        """Addresses of the descriptors, without the address register."""
        return range(self.address, self.address + self.count * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)


@dataclass(frozen=True, kw_only=True)
class Set(Layout):
    """Sets an address register."""

    OPCODE: ClassVar = Opcode.SET

    register: Annotated[int, _REGISTER]
    """Number of the address register, 1 to 8."""
    value: Annotated[int, Field(1, 0, 64), Hexadecimal()]
    """The register holds this value from now on."""


@dataclass(frozen=True, kw_only=True)
class Add(Layout):
    """Adds to an address register."""

    OPCODE: ClassVar = Opcode.ADD

    register: Annotated[int, _REGISTER]
    """Number of the address register, 1 to 8."""
    value: Annotated[int, Field(1, 0, 64), Hexadecimal()]
    """This value is added, modulo 2^64."""


@dataclass(frozen=True, kw_only=True)
class Loop(Layout):
    """Begins a loop: the commands up to its REPEAT run ``count`` times."""

    OPCODE: ClassVar = Opcode.LOOP

    count: Annotated[int, Field(1, 0, 32)]
    """Number of times that the loop runs, at least 1."""


@dataclass(frozen=True, kw_only=True)
class Repeat(Layout):
    """Ends the innermost loop."""

    OPCODE: ClassVar = Opcode.REPEAT


@dataclass(frozen=True, kw_only=True)
class Fence(Layout):
    """Waits until every unit has ended all of its commands."""

    OPCODE: ClassVar = Opcode.FENCE


@dataclass(frozen=True, kw_only=True)
class End(Layout):
    """Ends the program when every unit has ended all of its commands."""

    OPCODE: ClassVar = Opcode.END


UnitCommand = Load | Weights | Product | Vector | Store | Jobs
Command = UnitCommand | Set | Add | Loop | Repeat | Fence | End
UNIT_COMMANDS = (Load, Weights, Product, Vector, Store, Jobs)
COMMANDS: dict[int, Any] = {kind.OPCODE: kind for kind in (*UNIT_COMMANDS, Set, Add, Loop, Repeat, Fence, End)}
"""Kinds of commands by their opcodes."""


def commands_of(config: AcceleratorConfig) -> dict[int, Any]:
    """Return the kinds of commands that an accelerator has, by their opcodes."""
    absent = {*([Weights, Product] if config.cim is None else []), *([Jobs] if config.npe is None else [])}
    return {code: kind for code, kind in COMMANDS.items() if kind not in absent}
