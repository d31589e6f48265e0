"""Commands of the vector unit: their fields and what these may be."""

from dataclasses import dataclass
from enum import IntEnum


class Storage(IntEnum):
    """How elements lie in the scratchpad."""

    INT8 = 0
    BF16 = 1
    FP32 = 2
    INT32 = 3

    @property
    def size(self) -> int:
        """log2 of the bytes of an element."""
        return min(self, 2)


class Function(IntEnum):
    """Elementwise functions."""

    NONE = 0
    RELU = 1
    SILU = 2
    GELU = 3
    EXP = 4


class Reduce(IntEnum):
    """What is kept of a row."""

    NONE = 0
    SUM = 1
    MAXIMUM = 2
    MAGNITUDE = 3


class Inverse(IntEnum):
    """Function of a reduction that is kept beside it."""

    NONE = 0
    RECIPROCAL = 1
    RSQRT = 2


class VectorError(IntEnum):
    """Why a command is refused; of several reasons the first."""

    NONE = 0
    SIZE = 1
    """No rows, or no columns."""
    CODE = 2
    """A storage, function or inverse that there is not, or not there."""
    EMPTY = 3
    """Nothing is written and nothing reduced."""
    ALIGNMENT = 4
    """An address or a stride is no multiple of an element's bytes."""
    RANGE = 5
    """A matrix ends behind the scratchpad."""
    SLOT = 6
    """Row scalars end behind their file."""
    ROTATE = 7
    """Columns are no whole rotary blocks."""


@dataclass(frozen=True, kw_only=True)
class PassOptions:
    """The computation of a pass, wherever its operands lie; a part that is off passes its operand on.

    ``y = function((A + add) * multiply) * B + C``, and of each row ``linear = reduce(y) * scale + offset``, in FP32.
    """

    function: Function = Function.NONE
    """Elementwise function."""
    square: bool = False
    """B is the value itself."""
    reduce: Reduce = Reduce.NONE
    """What is kept of each row of y."""
    scale: float = 1.0
    offset: float = 0.0
    """``linear = reduced * scale + offset``."""
    inverse: Inverse = Inverse.NONE
    """Function of ``linear`` that is kept beside it."""
    causal: bool = False
    mask_base: int = 0
    """With ``causal``, row r has ``mask_base + r + 1`` columns."""
    rotate: int = 0
    """Columns in half a rotary block: ``lanes`` times a power of two, columns a multiple of two of it; 0: none."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Where a matrix lies in the scratchpad, in units of ``lanes`` bytes; elements side by side, lane 0 lowest.

    An element of several bytes makes addresses and strides multiples of its bytes.
    """

    address: int = 0
    stride: int = 0
    """From a row to the next; 0: one row for all."""
    storage: Storage = Storage.FP32


@dataclass(frozen=True, kw_only=True)
class VectorCommand(PassOptions):
    """A pass: ``y = f((A + add) * multiply) * B + C`` over rows and columns, stored as D, reduced to row scalars."""

    rows: int
    columns: int
    a: Matrix
    b: Matrix | None = None
    """BF16 or FP32."""
    c: Matrix | None = None
    """BF16 or FP32."""
    d: Matrix | None = None
    """INT8, BF16 or FP32."""
    scatter: bool = False
    """D's address and stride are in elements of 4 bytes: for one column, in FP32."""
    add: int | None = None
    """Slot of row 0's term, in the file of linear scalars."""
    multiply: int | None = None
    """Slot of row 0's factor."""
    multiply_inverse: bool = False
    """The factor is in the file of inverses."""
    out: int = 0
    """Slot of row 0's linear scalar and of its inverse."""
