"""Commands of a CIM tile and of an array of tiles, and why one is refused."""

import enum
from dataclasses import dataclass
from typing import Annotated

from .fields import Field, Layout
from .widths import ARRAY_SLOT_BITS, BLOCK_ROWS_BITS, COUNT_BITS, SLOT_BITS


@dataclass(frozen=True, kw_only=True)
class TileCommand(Layout):
    """Multiplies activation vectors with one block of weights.

    In memory a row of weights, and a vector of activations, starts at a word of its bus; both lie one after the
    other, element 0 lowest.
    """

    load: Annotated[bool, Field(0, 0, 1)] = True
    """Whether a block of weights is fetched into a free bank before computing."""
    release: Annotated[bool, Field(0, 1, 1)] = True
    """Whether the bank is given up once this command has computed."""
    accumulate: Annotated[bool, Field(0, 2, 1)] = False
    """Whether results are added to the accumulators instead of replacing them."""
    emit: Annotated[bool, Field(0, 3, 1)] = True
    """Whether results are sent instead of kept in the accumulators."""
    rows: Annotated[int, Field(0, 4, BLOCK_ROWS_BITS)]
    """Rows of the block, which are the activations of a vector."""
    columns: Annotated[int, Field(0, 16, COUNT_BITS)]
    """Columns of the block, which are the results of a vector."""
    vectors: Annotated[int, Field(1, 0, COUNT_BITS)] = 1
    """Number of activation vectors to multiply with the block."""
    slot: Annotated[int, Field(1, 16, SLOT_BITS)] = 0
    """Accumulator of the first vector; the others follow."""
    weight_address: Annotated[int, Field(2, 0, 32)] = 0
    """First word of the block, in words of the weight bus."""
    activation_address: Annotated[int, Field(3, 0, 32)] = 0
    """First word of the vectors, in words of the activation bus."""


@dataclass(frozen=True, kw_only=True)
class ArrayCommand(TileCommand):
    """A command of an array: that of a tile, with a mode in the highest bit of ``slot``.

    In memory the parts of a block lie one after the other, that of tile 0 first, each as a tile alone has it.
    """

    slot: Annotated[int, Field(1, 16, ARRAY_SLOT_BITS)] = 0
    """Accumulator of the first vector; the others follow."""
    reduce: Annotated[bool, Field(1, 31, 1)] = False
    """Whether tiles hold rows of the block below one another instead of columns side by side; the same as when the
    block was loaded."""


class CommandError(enum.IntEnum):
    """Why a tile stopped taking commands; Verilog names this class beside the port ``error``."""

    NONE = 0
    ROWS = 1
    """``rows`` is 0 or more than there are."""
    COLUMNS = 2
    """``columns`` is 0 or more than there are."""
    VECTORS = 3
    """``vectors`` is 0."""
    SLOT = 4
    """The vectors do not fit in the accumulators from ``slot`` on."""
    BANK = 5
    """``load`` while the command before has not released its weights, or no ``load`` although it has."""
