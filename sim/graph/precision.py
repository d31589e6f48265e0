"""Storage and quantisation of the numbers of an operator."""

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

from tilewright.sim.config import TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats import StoredFormat, stored

CACHE_SCALE = stored.BF16
"""Usual format of the scale of a head and position of the cache."""
SCALE_BITS = CACHE_SCALE.bits
"""Width in bits, in main memory, of the scale of a position of the cache, of a bias, and of a gain of a norm."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Stored formats of an operator's weights, activations and cache, and the granularity of their scales."""

    activations: StoredFormat = stored.BF16
    """Format of activations that are not integers."""
    weights: StoredFormat = stored.INT8
    """Format of the weights of products."""
    column_scale: StoredFormat = stored.BF16
    """Format of the scale of a column of weights, BF16 or FP32."""
    group: int = 0
    """Number of rows of weights that share a scale besides the scale of their column; 0: no such scales."""
    group_scale: StoredFormat = stored.UINT8
    """Format of the scale of a group of weights: an integer, or a power of two."""
    max_shift: int = 15
    """Largest exponent of an e8m0 scale."""
    scales: Literal["head", "token"] = "token"
    """Granularity of an encoder's queries, keys and values: a scale for each head of a token, or one for all heads of a
    token; a decoder always has a scale for each head."""
    smooth: bool = False
    """Flag: columns of the inputs of an encoder's projections are divided before they become int8, outlier columns the
    most, and the rows of the weights are multiplied to compensate."""
    key_offsets: bool = False
    """Flag: a constant is added to each key of a decoder after rotary embedding, before it becomes a number of the
    cache; one that is the same for all positions of a head changes no probability."""
    cache: StoredFormat = stored.INT8
    """Format of keys and values; an array that holds weights of one format multiplies with no other."""

    attention: StoredFormat | None = None
    """Format of queries and keys before they become integers, and of scores; None: that of other activations."""
    key_scale: StoredFormat = CACHE_SCALE
    """Format of the scale of a head and position of the keys in a cache."""
    parts: tuple[tuple[str, int], ...] = ()
    """Numbers of parts into which the array's products divide the columns of their input, by the end of a product's
    name; each part has a scale of its own for a row, and its weights one for a column. Other products: one part."""

    by_matrix: tuple[tuple[str, StoredFormat], ...] = ()
    """Formats of the weights of some products, by name, in place of ``weights``: formats that the array has."""

    window_step: int = 1
    """Number of positions of which the first position that a sliding window reads from the cache is a multiple; and
    number of columns of which a part of a product's input is a multiple."""

    def of_matrix(self, name: str) -> Self:
        """Return the precision of the product with this matrix."""
        if not self.by_matrix:
            return self
        return replace(self, weights=dict(self.by_matrix).get(name, self.weights), by_matrix=())

    @classmethod
    def of(cls, tile: TileConfig, lanes: int = 1) -> Self:
        """Return the precision for which an array of such tiles, beside a vector unit of so many lanes, is made."""
        weights, step = tile.macro.weights, position_step(tile, lanes)
        if tile.scales is None:
            return cls(weights=weights, cache=weights, window_step=step)
        return cls(
            weights=weights,
            cache=weights,
            group=tile.group_rows,
            group_scale=tile.scales,
            max_shift=tile.max_shift,
            window_step=step,
        )

    @classmethod
    def of_accelerator(cls, config: AcceleratorConfig) -> Self:
        """Return the precision for which an accelerator is made: of its CIM array or, without one, INT8."""
        precision = cls() if config.cim is None else cls.of(config.cim.tile, config.vector.lanes)
        return replace(precision, window_step=first_position_step(config))


def first_position_step(config: AcceleratorConfig) -> int:
    """Return the number of which the first position is a multiple that products of an accelerator with a cache take."""
    step: int = config.vector.lanes
    if config.cim is not None:
        step = position_step(config.cim.tile, step)
    return step if config.npe is None else math.lcm(step, config.npe.bus_bytes)


def position_step(tile: TileConfig, lanes: int) -> int:
    """Return the number of which the first position is a multiple that a product with a cache, and its passes, take."""
    return math.lcm(tile.columns, tile.rows, lanes)


DEFAULT = Precision()
