"""Storage and quantisation of the numbers of an operator."""

from dataclasses import dataclass
from typing import Literal, Self

from tilewright.sim.config import TileConfig

WeightStorage = Literal["int4", "int8", "fp4_e2m1"]
LARGEST = {"int4": 7, "int8": 127, "fp4_e2m1": 12}
"""Largest magnitude of a number of a storage, as the CIM array counts it."""
BITS = {"int4": 4, "int8": 8, "fp4_e2m1": 4}
"""Width of a number of a storage in main memory in bits."""
SCALE_BITS = 16
"""Width in bits, in main memory, of the scale of a column of weights or of a position of the cache, and of a gain of a
norm."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Storage of an operator's weights, activations and cache, and the granularity of their scales."""

    storage: Literal["bf16", "fp32"] = "bf16"
    """Storage of activations that are not integers."""
    weights: WeightStorage = "int8"
    """Storage of the weights of products."""
    group: int = 0
    """Number of rows of weights that share a scale besides the scale of their column; 0: no such scales."""
    group_scale: Literal["uint8", "e8m0"] = "uint8"
    """Kind of scale of a group of weights: an integer, or a power of two."""
    max_shift: int = 15
    """Largest exponent of an e8m0 scale."""
    scales: Literal["head", "token"] = "token"
    """Granularity of an encoder's queries, keys and values: a scale for each head of a token, or one for all heads of a
    token; a decoder always has a scale for each head."""
    smooth: bool = False
    """Flag: columns of the inputs of an encoder's projections are divided before they become int8, outlier columns the
    most, and the rows of the weights are multiplied to compensate."""
    cache: WeightStorage = "int8"
    """Storage of keys and values; an array that holds weights of one storage multiplies with no other."""

    @classmethod
    def of(cls, tile: TileConfig) -> Self:
        """Return the precision for which an array of such tiles is made."""
        if tile.group_scale == "none":
            return cls(weights=held(tile), cache=held(tile))
        return cls(
            weights=held(tile),
            cache=held(tile),
            group=tile.group_rows,
            group_scale=tile.group_scale,
            max_shift=tile.max_shift,
        )


DEFAULT = Precision()


def held(tile: TileConfig) -> WeightStorage:
    """Return the storage of a tile's weights."""
    macro = tile.macro
    if macro.weight_format == "fp4_e2m1":
        return "fp4_e2m1"
    return "int4" if macro.weight_bits == 4 else "int8"
