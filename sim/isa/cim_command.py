"""Commands of a CIM tile and of an array of tiles, and why one is refused."""

import enum
from dataclasses import dataclass
from typing import Annotated

from tilewright.sim.config import TileConfig

from .fields import CountFromOne, Field, Layout
from .widths import ARRAY_SLOT_BITS, BLOCK_ROWS_BITS, COUNT_BITS, SLOT_BITS


@dataclass(frozen=True, kw_only=True)
class TileCommand(Layout):
    """Multiplies activation vectors with one block of weights.

    In memory a row of weights, and a vector of activations, starts at a word of its bus; both lie one after the
    other, element 0 lowest.
    """

    load: Annotated[bool, Field(0, 0, 1)] = True
    """A block of weights is loaded first; 1 if the command before released its weights, else 0."""
    release: Annotated[bool, Field(0, 1, 1)] = True
    """The block of weights is no longer needed after this command, so its bank becomes free."""
    accumulate: Annotated[bool, Field(0, 2, 1)] = False
    """Results are added to the accumulators instead of replacing them."""
    emit: Annotated[bool, Field(0, 3, 1)] = True
    """Results are sent instead of kept in the accumulators."""
    rows: Annotated[int, CountFromOne(Field(0, 4, BLOCK_ROWS_BITS), int)]
    """Number of rows of the block and of activations of a vector: 1 to the rows of the tile, at most the loaded
    rows; 0 stands for 4,096."""
    columns: Annotated[int, Field(0, 16, COUNT_BITS)]
    """Number of columns of the block and of results of a vector: 1 to the columns of the tile, at most the loaded
    columns."""
    vectors: Annotated[int, Field(1, 0, COUNT_BITS)] = 1
    """Number of activation vectors to multiply with the block, 1 to 65,535."""
    slot: Annotated[int, Field(1, 16, SLOT_BITS)] = 0
    """Index of the first vector's accumulator; if the command uses accumulators, ``slot + vectors`` is at most their
    number."""
    weight_address: Annotated[int, Field(2, 0, 32)] = 0
    """Address of the first word of the block, in words of the weight bus."""
    activation_address: Annotated[int, Field(3, 0, 32)] = 0
    """Address of the first word of the vectors, in words of the activation bus."""
    narrow: bool = False
    """Weights of the block have the tile's narrow format. Only a tile that has one knows the field, the highest bit of
    ``weight_address``."""


@dataclass(frozen=True, kw_only=True)
class ArrayCommand(TileCommand):
    """Multiplies activation vectors with one block of weights that is spread over the tiles of an array.

    It is a tile's command with a mode in the highest bit of ``slot``; limits of rows and columns are those of the mode.

    In memory the parts of a block lie one after the other, that of tile 0 first, each as a tile alone has it.
    """

    slot: Annotated[int, Field(1, 16, ARRAY_SLOT_BITS)] = 0
    """Index of the first vector's accumulator; if the command uses accumulators, ``slot + vectors`` is at most their
    number."""
    reduce: Annotated[bool, Field(1, 31, 1)] = False
    """Tiles hold rows of the block below one another instead of columns side by side, so the sums of the tiles are
    added; as in the command that loaded the block."""


def command_fields(kind: type[TileCommand], tile: TileConfig) -> dict[str, Field]:
    """Return the fields of a kind of commands for a tile, with ``narrow`` if the tile has narrow weights."""
    if tile.narrow_weights == "none":
        return kind.FIELDS
    address = kind.FIELDS["weight_address"]
    narrow = Field(address.word, address.bits - 1, 1)
    found = {**kind.FIELDS, "weight_address": address._replace(bits=address.bits - 1), "narrow": narrow}
    return dict(sorted(found.items(), key=lambda item: item[1]))


class CommandError(enum.IntEnum):
    """Why a tile stopped taking commands; Verilog names this class beside the port ``error``."""

    NONE = 0
    ROWS = 1
    """``rows`` is more than there are; 0 stands for 4,096."""
    COLUMNS = 2
    """``columns`` is 0 or more than there are."""
    VECTORS = 3
    """``vectors`` is 0."""
    SLOT = 4
    """The vectors do not fit in the accumulators from ``slot`` on."""
    BANK = 5
    """``load`` while the command before has not released its weights, or no ``load`` although it has."""
