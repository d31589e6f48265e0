"""Parameters of an array of digital compute-in-memory (CIM) tiles."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tilewright.sim.isa.widths import MAX_ARRAY_SLOTS, MAX_BLOCK_COLUMNS, MAX_BLOCK_ROWS

from .base import Frozen
from .cim import TileConfig


class CIMArrayConfig(Frozen):
    """Parameters of a CIM array: equal tiles that share one weight memory and one activation memory."""

    tiles: Annotated[int, Field(ge=1, le=1024)]
    """Number of tiles in the array."""
    tile: TileConfig
    """Parameters of each CIM tile."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        tile = self.tile
        if self.tiles == 1:
            return self
        for name, value, limit in (("rows", tile.rows, MAX_BLOCK_ROWS), ("columns", tile.columns, MAX_BLOCK_COLUMNS)):
            if self.tiles * value > limit:
                raise ValueError(
                    f"tiles = {self.tiles} is not allowed: with {value} {name} each they have more than {limit}, "
                    "which a command cannot say"
                )
        if tile.accumulator_vectors > MAX_ARRAY_SLOTS:
            raise ValueError(
                f"tile.accumulator_vectors = {tile.accumulator_vectors} is not allowed: commands of an array address "
                f"{MAX_ARRAY_SLOTS}"
            )
        if tile.accumulator_bits < self.sum_bits:
            raise ValueError(
                f"tile.accumulator_bits = {tile.accumulator_bits} is not allowed: the sum over {self.tiles} tiles "
                f"needs {self.sum_bits}"
            )
        return self

    @property
    def rows(self) -> int:
        """Maximum number of rows of a weight block: the rows of all tiles, below one another."""
        return self.tiles * self.tile.rows

    @property
    def columns(self) -> int:
        """Maximum number of columns of a weight block: the columns of all tiles, side by side."""
        return self.tiles * self.tile.columns

    @property
    def sum_bits(self) -> int:
        """Width of the sum over the tiles in bits."""
        return self.tile.sum_bits + self.reduce_stages

    @property
    def reduce_stages(self) -> int:
        """Number of pipeline registers of the adder tree over the tiles: one for each doubling of the tiles."""
        return (self.tiles - 1).bit_length()

    @property
    def sum_latency(self) -> int:
        """Cycles from the start of a vector's last slice to its sums at the accumulators, in either mode."""
        return self.tile.sum_latency + self.reduce_stages

    @property
    def latency(self) -> int:
        """Cycles from the start of a vector to its first result word."""
        return self.tile.latency + self.reduce_stages

    @property
    def macs_per_cycle(self) -> float:
        """Number of multiply-accumulates in a cycle at full use."""
        return self.tiles * self.tile.macs_per_cycle
