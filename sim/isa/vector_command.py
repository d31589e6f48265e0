"""Commands of the vector unit: their fields, and why a command is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any

from tilewright.sim.formats import StoredFormat, stored_format

from .fields import Codec, Field, Layout, members
from .widths import COUNT_BITS, SCRATCHPAD_ADDRESS_BITS, SLOT_BITS


class Storage(IntEnum):
    """Format of the elements of a matrix in the scratchpad."""

    INT8 = 0
    BF16 = 1
    FP32 = 2
    INT32 = 3

    @property
    def format(self) -> StoredFormat:
        """Format of an element."""
        return stored_format(self.name.lower())

    @classmethod
    def of(cls, stored: StoredFormat) -> "Storage":
        """Return the storage of a format."""
        return cls[stored.name.upper()]

    @property
    def size(self) -> int:
        """Size of an element as log2 of its bytes."""
        return min(self, 2)


class Function(IntEnum):
    """Functions of the elements of a matrix."""

    NONE = 0
    RELU = 1
    SILU = 2
    GELU = 3
    EXP = 4


class Reduce(IntEnum):
    """Reductions of a row to one number."""

    NONE = 0
    SUM = 1
    MAXIMUM = 2
    MAGNITUDE = 3


class Inverse(IntEnum):
    """Functions of a reduction that are kept beside it."""

    NONE = 0
    RECIPROCAL = 1
    RSQRT = 2


class VectorError(IntEnum):
    """Why a command is refused; of several reasons the first."""

    NONE = 0
    SIZE = 1
    """The command has no rows or no columns."""
    CODE = 2
    """A storage, function or inverse is unknown, or a storage that this operand does not allow."""
    EMPTY = 3
    """The command neither writes nor reduces."""
    ALIGNMENT = 4
    """An address or a stride is no multiple of an element's bytes."""
    RANGE = 5
    """A matrix ends beyond the scratchpad."""
    SLOT = 6
    """Row scalars end beyond their file, or a row reads a scalar that an earlier row of the same command writes."""
    ROTATE = 7
    """The columns are no whole number of rotary blocks."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Place of a matrix in the scratchpad, in units of ``lanes`` bytes; elements lie side by side, lane 0 lowest.

    An element of several bytes makes addresses and strides multiples of its bytes.
    """

    address: int = 0
    """Place of the first row."""
    stride: int = 0
    """Distance from a row to the next; 0: all rows are the same one."""
    storage: Storage = Storage.FP32
    """Format of the elements."""


class MatrixFields(Codec):
    """Address, stride and storage of a matrix, and a switch where a command can be without the matrix."""

    def __init__(self, address: Field, stride: Field, storage: Field, switch: Field | None = None, called: str = ""):
        self.parts = {"address": address, "stride": stride, "storage": storage}
        self.switch, self.called = switch, called

    def fields(self, name: str) -> dict[str, Field]:
        """Return the three fields, and the switch, which has the attribute's name or one of its own."""
        switch = {} if self.switch is None else {self.called or name: self.switch}
        return {f"{name}_{part}": field for part, field in self.parts.items()} | switch

    def meanings(self, name: str, meaning: str) -> dict[str, str]:
        """Return the meaning of each; that of the attribute is the switch's."""
        matrix = name.upper()
        return {
            f"{name}_address": f"Address of {matrix} in units of `lanes` bytes from the start of the scratchpad",
            f"{name}_stride": f"Distance from a row of {matrix} to the next in units of `lanes` bytes; 0: all rows are "
            "the same one",
            f"{name}_storage": f"Format of the elements of {matrix}: {members(Storage)}",
            self.called or name: meaning,
        }

    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return the fields; without a matrix, zeros."""
        matrix = value or Matrix(storage=Storage.INT8)
        fields = {f"{name}_{part}": int(getattr(matrix, part)) for part in self.parts}
        return fields if self.switch is None else {**fields, self.called or name: int(value is not None)}

    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return the matrix, None if it is switched off."""
        if self.switch is not None and not values[self.called or name]:
            return None
        address, stride, storage = (values[f"{name}_{part}"] for part in self.parts)
        return Matrix(address=address, stride=stride, storage=Storage(storage))


class SlotFields(Codec):
    """Slot of row 0 in a file of row scalars, and a switch where a command can be without row scalars."""

    def __init__(self, slot: Field, switch: Field | None = None):
        self.slot, self.switch = slot, switch

    def fields(self, name: str) -> dict[str, Field]:
        """Return the slot and the switch."""
        return {f"{name}_slot": self.slot} | ({} if self.switch is None else {name: self.switch})

    def meanings(self, name: str, meaning: str) -> dict[str, str]:
        """Return the attribute's meaning, and that of the switch."""
        return {f"{name}_slot": meaning, name: f"Whether `{name}_slot` counts"}

    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return the slot, 0 without one."""
        slot = {f"{name}_slot": value or 0}
        return slot if self.switch is None else {**slot, name: int(value is not None)}

    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return the slot, None if it is switched off."""
        return None if self.switch is not None and not values[name] else values[f"{name}_slot"]


class RotaryFields(Codec):
    """A switch, and log2 of the steps, of ``lanes`` columns, in half a rotary block."""

    def __init__(self, switch: Field, steps: Field):
        self.switch, self.steps = switch, steps

    def fields(self, name: str) -> dict[str, Field]:
        """Return the switch and the steps."""
        return {name: self.switch, f"{name}_steps": self.steps}

    def meanings(self, name: str, meaning: str) -> dict[str, str]:
        """Return the meaning of both."""
        return {
            name: "A is taken with the halves of every rotary block exchanged, the new first half negated",
            f"{name}_steps": "Steps, of `lanes` columns, in half a rotary block, as log2 of their number",
        }

    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return both for so many columns."""
        steps = value // lanes
        if value and (steps * lanes != value or steps & (steps - 1)):
            raise ValueError(f"{name} = {value} is not allowed: it must be a power of two of {lanes} lanes")
        return {name: int(value > 0), f"{name}_steps": max(0, steps.bit_length() - 1)}

    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return the columns in half a rotary block."""
        return lanes << values[f"{name}_steps"] if values[name] else 0


@dataclass(frozen=True, kw_only=True)
class PassOptions(Layout):
    """The computation of a pass, wherever its operands lie; a part that is off passes its operand on.

    ``y = function((A + add) * multiply) * B + C``, and of each row ``linear = reduce(y) * scale + offset``, in FP32.
    """

    function: Annotated[Function, Field(14, 8, 3)] = Function.NONE
    """Elementwise function of ``(A + add) * multiply``."""
    square: Annotated[bool, Field(14, 19, 1)] = False
    """The value of the function is multiplied by itself instead of B."""
    reduce: Annotated[Reduce, Field(14, 11, 2)] = Reduce.NONE
    """Reduction of each row of y to one number."""
    scale: Annotated[float, Field(10, 0, 32)] = 1.0
    """Factor of the reduction, FP32: ``linear = reduced * scale + offset``."""
    offset: Annotated[float, Field(11, 0, 32)] = 0.0
    """Term of the reduction, FP32, that is added after ``scale``."""
    inverse: Annotated[Inverse, Field(14, 13, 2)] = Inverse.NONE
    """Function of ``linear`` that is kept beside it."""
    causal: Annotated[bool, Field(14, 20, 1)] = False
    """Row r has its first ``mask_base + r + 1`` columns; the others count as masked."""
    mask_base: Annotated[int, Field(13, 16, COUNT_BITS)] = 0
    """Number of columns that row 0 has beyond its first, with ``causal``."""
    rotate: Annotated[int, RotaryFields(switch=Field(14, 24, 1), steps=Field(14, 25, 4))] = 0
    """Number of columns in half a rotary block, ``lanes`` times a power of two; 0: A is taken as it is."""


def _matrix(number: int, switch: Field | None = None, called: str = "") -> MatrixFields:
    """Return the fields of one of the four matrices, which follow one another."""
    bits = SCRATCHPAD_ADDRESS_BITS
    address, stride = (Field(2 + 2 * number + part, 0, bits) for part in (0, 1))
    return MatrixFields(address, stride, Field(14, 2 * number, 2), switch, called)


@dataclass(frozen=True, kw_only=True)
class VectorCommand(PassOptions):
    """A pass: ``y = f((A + add) * multiply) * B + C`` over rows and columns, stored as D, reduced to row scalars."""

    rows: Annotated[int, Field(1, 0, COUNT_BITS)]
    """Number of rows of all matrices."""
    columns: Annotated[int, Field(1, 16, COUNT_BITS)]
    """Number of columns of all matrices."""
    a: Annotated[Matrix, _matrix(0)]
    """The first operand."""
    b: Annotated[Matrix | None, _matrix(1, switch=Field(14, 15, 1))] = None
    """Values are multiplied by a matrix B, in BF16 or FP32."""
    c: Annotated[Matrix | None, _matrix(2, switch=Field(14, 16, 1))] = None
    """A matrix C, in BF16 or FP32, is added."""
    d: Annotated[Matrix | None, _matrix(3, switch=Field(14, 17, 1), called="write")] = None
    """The result is written as a matrix D, in INT8, BF16 or FP32."""
    scatter: Annotated[bool, Field(14, 18, 1)] = False
    """Address and stride of D count elements of 4 bytes; allowed for one column in FP32."""
    add: Annotated[int | None, SlotFields(Field(12, 0, SLOT_BITS), switch=Field(14, 21, 1))] = None
    """Slot of row 0's term in the file of linear scalars."""
    multiply: Annotated[int | None, SlotFields(Field(12, 16, SLOT_BITS), switch=Field(14, 22, 1))] = None
    """Slot of row 0's factor in the file of linear scalars, or in that of inverses."""
    multiply_inverse: Annotated[bool, Field(14, 23, 1)] = False
    """The factor lies in the file of inverses."""
    out: Annotated[int, SlotFields(Field(13, 0, SLOT_BITS))] = 0
    """Slot of row 0's linear scalar and of its inverse."""
