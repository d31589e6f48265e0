"""Digital compute-in-memory (CIM): an array of tiles."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from .base import Frozen
from .cim import TileConfig

MAX_ROWS = (1 << 12) - 1
"""Most rows of a command."""
MAX_COLUMNS = (1 << 16) - 1
"""Most columns of a command."""
MAX_SLOTS = 1 << 15
"""Most accumulators that a command of several tiles can address."""


class CIMArrayConfig(Frozen):
    """Equal tiles that share one weight memory and one activation memory."""

    tiles: Annotated[int, Field(ge=1, le=1024)]
    """Number of tiles."""
    tile: TileConfig

    @model_validator(mode="after")
    def _check(self) -> Self:
        tile = self.tile
        if self.tiles == 1:
            return self
        for name, value, limit in (("rows", tile.rows, MAX_ROWS), ("columns", tile.columns, MAX_COLUMNS)):
            if self.tiles * value > limit:
                raise ValueError(
                    f"tiles = {self.tiles} is not allowed: with {value} {name} each they have more than {limit}, "
                    "which a command cannot say"
                )
        if tile.accumulator_vectors > MAX_SLOTS:
            raise ValueError(
                f"tile.accumulator_vectors = {tile.accumulator_vectors} is not allowed: commands of an array address "
                f"{MAX_SLOTS}"
            )
        if tile.accumulator_bits < self.sum_bits:
            raise ValueError(
                f"tile.accumulator_bits = {tile.accumulator_bits} is not allowed: the sum over {self.tiles} tiles "
                f"needs {self.sum_bits}"
            )
        return self

    @property
    def rows(self) -> int:
        """Most rows of a block: those of all tiles, below one another."""
        return self.tiles * self.tile.rows

    @property
    def columns(self) -> int:
        """Most columns of a block: those of all tiles, side by side."""
        return self.tiles * self.tile.columns

    @property
    def sum_bits(self) -> int:
        """Width of the sum over the tiles."""
        return self.tile.sum_bits + self.reduce_stages

    @property
    def reduce_stages(self) -> int:
        """Pipeline registers of the adder tree over the tiles: one for each doubling."""
        return (self.tiles - 1).bit_length()

    @property
    def sum_latency(self) -> int:
        """Cycles from the start of a vector's last slice to its sums at the accumulators, whatever the mode."""
        return self.tile.sum_latency + self.reduce_stages

    @property
    def latency(self) -> int:
        """Cycles from the start of a vector to its first result word."""
        return self.tile.latency + self.reduce_stages

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates a cycle at full use."""
        return self.tiles * self.tile.macs_per_cycle
