"""Programs of the accelerator: commands of 64 bytes in memory, their fields, and what these may be.

A command is 16 words of 32 bits, little endian. Word 0 is the head, see :data:`HEAD`; what the others hold depends on
the operation, see ``FIELDS`` of its class; words and bits that no field has are 0.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.widths import COMMAND_BYTES, DESCRIPTOR_BYTES

from .vector_command import Function, Inverse, Matrix, Reduce, Storage, VectorCommand


class Unit(IntEnum):
    """What runs commands beside one another, each its own in order."""

    label: str
    """For people."""

    def __new__(cls, value: int, label: str) -> Self:
        unit = int.__new__(cls, value)
        unit._value_, unit.label = value, label
        return unit

    LOAD = 0, "load"
    ARRAY = 1, "CIM array"
    VECTOR = 2, "vector unit"
    STORE = 3, "store"
    NPE = 4, "co-processor"
    """The matrix co-processor, where there is one."""


class Units(IntFlag):
    """A set of units."""

    NONE = 0
    LOAD = 1
    ARRAY = 2
    VECTOR = 4
    STORE = 8
    NPE = 16


class Opcode(IntEnum):
    """Operations; the units' have the numbers 1 to 6."""

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


class AcceleratorError(IntEnum):
    """Why a program was stopped; of several reasons the first."""

    NONE = 0
    OPCODE = 1
    """There is no such operation or unit, or bits are set that no field has."""
    SIZE = 2
    """A count is 0, or more than there can be."""
    ADDRESS = 3
    """An address or a stride is misaligned, or something ends behind memory's or the scratchpad's addresses."""
    BANK = 4
    """A matrix lies in two banks of the scratchpad, or two that are read at once in one."""
    REGISTER = 5
    """There is no such address register."""
    LOOP = 6
    """More loops in one another than there may be, or REPEAT or END where it cannot be."""
    VECTOR = 7
    """The vector unit refuses the command; the detail says why."""
    SEMAPHORE = 8
    """More signals wait than a semaphore can count."""
    DEADLOCK = 9
    """Nothing moves: a command waits for a signal, for weights or for room that will never come."""
    WEIGHTS = 10
    """At the end weights are left that no product has taken."""
    FETCH_BUS = 11
    """Memory answered with an error where a command was read."""
    LOAD_BUS = 12
    """Memory answered with an error to a load."""
    STORE_BUS = 13
    """Memory answered with an error to a store."""
    NPE = 14
    """The co-processor stopped; the detail is its error code."""


class Field(NamedTuple):
    """Some bits of a word of a command."""

    word: int
    shift: int
    bits: int


HEAD = {
    "opcode": Field(0, 0, 8),
    "wait": Field(0, 8, 5),
    "signal": Field(0, 13, 5),
}
"""Of every command; ``wait`` and ``signal`` of those of the units only."""


@dataclass(frozen=True, kw_only=True)
class _OfUnit:
    """What commands of all units have."""

    wait: Units = Units.NONE
    """Takes a signal of each of these units before it begins."""
    signal: Units = Units.NONE
    """Gives a signal to each of these units when it has ended."""
    operator: object = field(default=None, compare=False, repr=False)
    """Operator of the graph that the command serves; memory does not hold it."""


@dataclass(frozen=True, kw_only=True)
class _OfLoad(_OfUnit):
    """What commands have that read rows of memory."""

    UNIT: ClassVar = Unit.LOAD
    FIELDS: ClassVar[dict[str, Field]] = {
        "register": Field(0, 18, 4),
        "address": Field(1, 0, 64),
        "beats": Field(3, 0, 16),
        "rows": Field(3, 16, 16),
        "stride": Field(4, 0, 32),
        "planes": Field(5, 0, 16),
        "plane_stride": Field(6, 0, 32),
    }

    register: int = 0
    """Address register, 1 to 8, that is added to ``address``; 0: none."""
    address: int
    """Of the first row, in bytes: a multiple of a beat, as the strides are."""
    beats: int
    """Of a row."""
    rows: int = 1
    stride: int = 0
    """Bytes from a row to the next, in memory."""
    planes: int = 1
    plane_stride: int = 0
    """Bytes from a plane to the next, in memory."""

    @property
    def all_beats(self) -> int:
        """Beats of all rows of all planes."""
        return self.beats * self.rows * self.planes


@dataclass(frozen=True, kw_only=True)
class Load(_OfLoad):
    """Reads ``planes x rows`` rows of whole beats from memory into the scratchpad, one below the other."""

    OPCODE: ClassVar = Opcode.LOAD
    FIELDS: ClassVar = _OfLoad.FIELDS | {"destination": Field(7, 0, 32), "pitch": Field(8, 0, 32)}

    destination: int
    """Of the first row in the scratchpad, in bytes: a multiple of a beat."""
    pitch: int = 0
    """Bytes from a row to the next in the scratchpad, planes alike: a multiple of a beat."""


@dataclass(frozen=True, kw_only=True)
class Weights(_OfLoad):
    """Reads ``planes x rows`` rows of whole beats from memory, in this order, for the products to come."""

    OPCODE: ClassVar = Opcode.WEIGHTS


@dataclass(frozen=True, kw_only=True)
class Product(_OfUnit):
    """``out = a @ weights``: (vectors, k) of the array's activations times (k, n) of its weights, sums in INT32.

    Blocks of weights are taken as they come: for each block of columns those of its rows, for each block the parts of
    the tiles, each part row by row; every part has all columns of a tile.
    """

    OPCODE: ClassVar = Opcode.PRODUCT
    UNIT: ClassVar = Unit.ARRAY
    FIELDS: ClassVar = {
        "reduce": Field(0, 18, 1),
        "vectors": Field(1, 0, 16),
        "k": Field(1, 16, 16),
        "n": Field(2, 0, 16),
        "a": Field(3, 0, 32),
        "a_pitch": Field(4, 0, 32),
        "out": Field(5, 0, 32),
        "out_pitch": Field(6, 0, 32),
    }

    reduce: bool = False
    """Blocks are as high as all tiles, instead of as wide."""
    vectors: int
    """At most the array's accumulators, if ``k`` is more than the rows of a block."""
    k: int
    n: int
    """A multiple of the columns of a tile."""
    a: int
    """Scratchpad address of the first vector, in bytes: a multiple of the activations that the array takes a cycle."""
    a_pitch: int = 0
    """Bytes from a vector to the next, a multiple of the same."""
    out: int
    """Scratchpad address of the first row of results, in bytes: a multiple of the results that the array sends a
    cycle."""
    out_pitch: int = 0
    """Bytes from a row to the next, a multiple of the same."""


@dataclass(frozen=True, kw_only=True)
class Store(_OfUnit):
    """Writes ``planes x rows`` rows of ``count`` elements each to memory, where the elements of a row have no gaps.

    An element takes a cycle. Elements of a whole beat make for bursts.
    """

    OPCODE: ClassVar = Opcode.STORE
    UNIT: ClassVar = Unit.STORE
    FIELDS: ClassVar = {
        "register": Field(0, 18, 4),
        "size": Field(0, 22, 4),
        "packed": Field(0, 26, 1),
        "address": Field(1, 0, 64),
        "count": Field(3, 0, 16),
        "rows": Field(3, 16, 16),
        "stride": Field(4, 0, 32),
        "planes": Field(5, 0, 16),
        "plane_stride": Field(6, 0, 32),
        "source": Field(7, 0, 32),
        "element_pitch": Field(8, 0, 32),
        "pitch": Field(9, 0, 32),
        "plane_pitch": Field(10, 0, 32),
    }

    register: int = 0
    size: int
    """log2 of the bytes of an element, at most a beat; addresses, strides and pitches are multiples of an element."""
    packed: bool = False
    """Of each element, of a byte, the lower four bits are written, two elements to a byte of memory, the first one
    lower; the second half of a row's last byte may be 0."""
    address: int
    """Of the first row in memory, in bytes."""
    count: int
    """Elements of a row."""
    rows: int = 1
    stride: int = 0
    """Bytes from a row to the next in memory."""
    planes: int = 1
    plane_stride: int = 0
    source: int
    """Of the first element in the scratchpad, in bytes."""
    element_pitch: int
    """Bytes from an element of a row to the next in the scratchpad."""
    pitch: int = 0
    """Bytes from a row to the next in the scratchpad."""
    plane_pitch: int = 0
    """Bytes from a plane to the next in the scratchpad."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in memory."""
        return (self.count + 1) // 2 if self.packed else self.count << self.size


@dataclass(frozen=True, kw_only=True)
class Vector(_OfUnit):
    """A pass of the vector unit; addresses of matrices count ``lanes`` bytes from the start of the scratchpad."""

    OPCODE: ClassVar = Opcode.VECTOR
    UNIT: ClassVar = Unit.VECTOR
    FIELDS: ClassVar = {
        "rows": Field(1, 0, 16),
        "columns": Field(1, 16, 16),
        "a_address": Field(2, 0, 32),
        "a_stride": Field(3, 0, 32),
        "b_address": Field(4, 0, 32),
        "b_stride": Field(5, 0, 32),
        "c_address": Field(6, 0, 32),
        "c_stride": Field(7, 0, 32),
        "d_address": Field(8, 0, 32),
        "d_stride": Field(9, 0, 32),
        "scale": Field(10, 0, 32),
        "offset": Field(11, 0, 32),
        "add_slot": Field(12, 0, 16),
        "multiply_slot": Field(12, 16, 16),
        "out_slot": Field(13, 0, 16),
        "mask_base": Field(13, 16, 16),
        "a_storage": Field(14, 0, 2),
        "b_storage": Field(14, 2, 2),
        "c_storage": Field(14, 4, 2),
        "d_storage": Field(14, 6, 2),
        "function": Field(14, 8, 3),
        "reduce": Field(14, 11, 2),
        "inverse": Field(14, 13, 2),
        "b": Field(14, 15, 1),
        "c": Field(14, 16, 1),
        "write": Field(14, 17, 1),
        "scatter": Field(14, 18, 1),
        "square": Field(14, 19, 1),
        "causal": Field(14, 20, 1),
        "add": Field(14, 21, 1),
        "multiply": Field(14, 22, 1),
        "multiply_inverse": Field(14, 23, 1),
        "rotate": Field(14, 24, 1),
        "rotate_steps": Field(14, 25, 4),
    }
    """As the unit's own, see ``command_layout``; ``rotate_steps`` is log2 of the steps in half a rotary block."""

    command: VectorCommand


@dataclass(frozen=True, kw_only=True)
class Jobs(_OfUnit):
    """Runs ``count`` jobs of the matrix co-processor, whose descriptors lie in memory one behind the other."""

    OPCODE: ClassVar = Opcode.JOBS
    UNIT: ClassVar = Unit.NPE
    FIELDS: ClassVar = {"register": Field(0, 18, 4), "address": Field(1, 0, 64), "count": Field(3, 0, 16)}

    register: int = 0
    address: int
    """Of the first descriptor, in bytes: a multiple of 128."""
    count: int
    """Descriptors."""

    @property
    def addresses(self) -> range:
        """Where descriptors begin, without the address register."""
        return range(self.address, self.address + self.count * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)


@dataclass(frozen=True, kw_only=True)
class Set:
    """Sets an address register."""

    OPCODE: ClassVar = Opcode.SET
    FIELDS: ClassVar = {"register": Field(0, 18, 4), "value": Field(1, 0, 64)}

    register: int
    value: int


@dataclass(frozen=True, kw_only=True)
class Add:
    """Adds to an address register."""

    OPCODE: ClassVar = Opcode.ADD
    FIELDS: ClassVar = Set.FIELDS

    register: int
    value: int


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Begins a loop: the commands up to its REPEAT run ``count`` times."""

    OPCODE: ClassVar = Opcode.LOOP
    FIELDS: ClassVar = {"count": Field(1, 0, 32)}

    count: int


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Ends the innermost loop."""

    OPCODE: ClassVar = Opcode.REPEAT
    FIELDS: ClassVar[dict[str, Field]] = {}


@dataclass(frozen=True, kw_only=True)
class Fence:
    """Waits until every unit has ended all of its commands."""

    OPCODE: ClassVar = Opcode.FENCE
    FIELDS: ClassVar[dict[str, Field]] = {}


@dataclass(frozen=True, kw_only=True)
class End:
    """Ends the program when every unit has ended all of its commands."""

    OPCODE: ClassVar = Opcode.END
    FIELDS: ClassVar[dict[str, Field]] = {}


UnitCommand = Load | Weights | Product | Vector | Store | Jobs
Command = UnitCommand | Set | Add | Loop | Repeat | Fence | End
COMMANDS: dict[int, Any] = {
    kind.OPCODE: kind for kind in (Load, Weights, Product, Vector, Store, Jobs, Set, Add, Loop, Repeat, Fence, End)
}
UNIT_COMMANDS = (Load, Weights, Product, Vector, Store, Jobs)


_UNITS_WITHOUT_NPE = tuple(unit for unit in Unit if unit is not Unit.NPE)
_COMMANDS_WITHOUT_NPE = {code: kind for code, kind in COMMANDS.items() if kind is not Jobs}


def units_of(config: AcceleratorConfig) -> tuple[Unit, ...]:
    """Return the units that an accelerator has."""
    return _UNITS_WITHOUT_NPE if config.npe is None else tuple(Unit)


def commands_of(config: AcceleratorConfig) -> dict[int, Any]:
    """Return the kinds of commands that an accelerator has, by their opcodes."""
    return _COMMANDS_WITHOUT_NPE if config.npe is None else COMMANDS


def encode(config: AcceleratorConfig, command: Command) -> bytes:
    """Return the 64 bytes of a command.

    Raises
    ------
    ValueError
        If a field does not hold its value, names both; or the accelerator has no such unit.
    """
    if command.OPCODE not in commands_of(config):
        raise ValueError(f"opcode = {command.OPCODE} ({command.OPCODE.name}) is not allowed: there is no co-processor")
    values = dict(_values(config, command))
    words = [0] * (COMMAND_BYTES // 4)
    for name, place in layout(type(command), config).items():
        value = int(values.get(name, 0))
        if not 0 <= value < 1 << place.bits:
            raise ValueError(f"{name} = {value} is not allowed: {type(command).__name__} has {place.bits} bits for it")
        for step in range(0, place.bits, 32):
            words[place.word + step // 32] |= (value >> step & 0xFFFFFFFF) << place.shift
    return struct.pack("<16I", *words)


def decode(config: AcceleratorConfig, data: bytes) -> Command:
    """Return the command of 64 bytes.

    Raises
    ------
    ValueError
        If there is no such operation or unit, or bits are set that no field has.
    """
    words = list(struct.unpack("<16I", data))
    known = commands_of(config)
    kind = known.get(words[0] & 0xFF)
    if kind is None:
        raise ValueError(f"opcode = {words[0] & 0xFF} is not allowed: it must be one of " + ", ".join(
            f"{opcode} ({known[opcode].OPCODE.name})" for opcode in known))  # fmt: skip
    values = {}
    left = list(words)
    for name, place in layout(kind, config).items():
        value = 0
        for step in range(0, place.bits, 32):
            bits = min(32, place.bits - step)
            word = place.word + step // 32
            value |= (words[word] >> place.shift & (1 << bits) - 1) << step
            left[word] &= ~(((1 << bits) - 1) << place.shift)
        values[name] = value
    if any(left):
        word = next(index for index, bits in enumerate(left) if bits)
        raise ValueError(
            f"word {word} = {words[word]:#010x} is not allowed: {kind.OPCODE.name} has no bits {left[word]:#x} there"
        )
    del values["opcode"]
    if kind is Vector:
        return Vector(
            wait=Units(values.pop("wait")), signal=Units(values.pop("signal")), command=_vector_command(config, values)
        )
    for name, flag in (("wait", Units), ("signal", Units), ("reduce", bool), ("packed", bool)):
        if name in values:
            values[name] = flag(values[name])
    return kind(**values)


def layout(kind: type, config: AcceleratorConfig | None = None) -> dict[str, Field]:
    """Return the fields of a kind of commands, with those of its head.

    With a configuration, ``wait`` and ``signal`` have the bits of the units that there are.
    """
    return _layout(kind, len(Unit if config is None else units_of(config)))


@cache
def _layout(kind: type, units: int) -> dict[str, Field]:
    head = {"opcode": HEAD["opcode"]}
    if kind in UNIT_COMMANDS:
        head |= {name: HEAD[name]._replace(bits=units) for name in ("wait", "signal")}
    return head | kind.FIELDS  # type: ignore[attr-defined]


def _values(config: AcceleratorConfig, command: Command) -> Iterator[tuple[str, int]]:
    yield "opcode", command.OPCODE
    for each in fields(command):
        if each.name not in ("command", "operator"):
            yield each.name, getattr(command, each.name)
    if isinstance(command, Vector):
        yield from vector_fields(config, command.command).items()


def vector_fields(config: AcceleratorConfig, command: VectorCommand) -> dict[str, int]:
    """Return the fields of a command of the vector unit as numbers."""
    values: dict[str, int] = {}
    for name in "abcd":
        matrix = getattr(command, name) or Matrix(storage=Storage.INT8)
        values |= {
            f"{name}_address": matrix.address,
            f"{name}_stride": matrix.stride,
            f"{name}_storage": matrix.storage,
        }
    for name in ("rows", "columns", "function", "square", "scatter", "reduce", "inverse", "causal", "mask_base"):
        values[name] = int(getattr(command, name))
    steps = command.rotate // config.vector.lanes
    if command.rotate and (steps * config.vector.lanes != command.rotate or steps & (steps - 1)):
        raise ValueError(
            f"rotate = {command.rotate} is not allowed: it must be a power of two of {config.vector.lanes} lanes"
        )
    return values | {
        "b": command.b is not None,
        "c": command.c is not None,
        "write": command.d is not None,
        "add": command.add is not None,
        "add_slot": command.add or 0,
        "multiply": command.multiply is not None,
        "multiply_slot": command.multiply or 0,
        "multiply_inverse": command.multiply_inverse,
        "out_slot": command.out,
        "rotate": command.rotate > 0,
        "rotate_steps": max(0, steps.bit_length() - 1),
        "scale": float_bits(command.scale),
        "offset": float_bits(command.offset),
    }


def _vector_command(config: AcceleratorConfig, values: dict[str, int]) -> VectorCommand:
    def matrix(name: str, on: int) -> Matrix | None:
        if not on:
            return None
        return Matrix(
            address=values[f"{name}_address"],
            stride=values[f"{name}_stride"],
            storage=Storage(values[f"{name}_storage"]),
        )

    a = matrix("a", 1)
    assert a is not None
    return VectorCommand(
        rows=values["rows"],
        columns=values["columns"],
        a=a,
        b=matrix("b", values["b"]),
        c=matrix("c", values["c"]),
        d=matrix("d", values["write"]),
        scatter=bool(values["scatter"]),
        add=values["add_slot"] if values["add"] else None,
        multiply=values["multiply_slot"] if values["multiply"] else None,
        multiply_inverse=bool(values["multiply_inverse"]),
        function=_code(Function, values["function"]),
        square=bool(values["square"]),
        reduce=_code(Reduce, values["reduce"]),
        scale=bits_float(values["scale"]),
        offset=bits_float(values["offset"]),
        inverse=_code(Inverse, values["inverse"]),
        out=values["out_slot"],
        causal=bool(values["causal"]),
        mask_base=values["mask_base"],
        rotate=config.vector.lanes << values["rotate_steps"] if values["rotate"] else 0,
    )


def _code(kind: type, value: int):  # type: ignore[no-untyped-def]
    """Return the member of a number, or the number if there is none: the unit refuses it."""
    return kind(value) if value in list(kind) else value  # type: ignore[call-overload]


def float_bits(value: float) -> int:
    """Return the bits of a number as FP32."""
    return struct.unpack("<I", struct.pack("<f", value))[0]


def bits_float(bits: int) -> float:
    """Return the number of FP32 bits."""
    return struct.unpack("<f", struct.pack("<I", bits))[0]
