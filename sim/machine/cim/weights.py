"""Weight blocks, with the scales of their groups, as the words of the weight bus."""

import numpy as np

from tilewright.sim.config import TileConfig

from .words import pack, unpack


def pack_block(
    config: TileConfig, codes: np.ndarray, scales: np.ndarray | None = None, narrow: bool = False
) -> np.ndarray:
    """Return the words of a weight block: the scales of its groups, then its rows.

    Parameters
    ----------
    config : TileConfig
        Formats and bus.
    codes : ndarray of int, shape (rows, columns)
        Codes of the format of the weights.
    scales : ndarray of int, shape (groups, columns)
        Codes of the tile's format of scales, 0 to 255; only with group scales.
    narrow : bool
        Whether the weights have the tile's narrow format.

    Returns
    -------
    ndarray of uint8, shape (block_beats(rows, columns, narrow), weight_bus_bits / 8)
    """
    bus = config.weight_bus_bits
    words = pack(codes, config.stored_weights(narrow).bits, bus)
    return words if scales is None else np.concatenate([pack(scales, 8, bus), words])


def unpack_block(
    config: TileConfig, words: np.ndarray, rows: int, columns: int, narrow: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a block and the factors of its scales as counts, int64, both of shape (rows, columns).

    A factor is 1 without group scales. Any words are a block: no format of weights has a code that is not a number, and
    only the low ``scale_bits`` of a scale count.
    """
    groups = config.block_groups(rows)
    scale_words, row_words = np.split(words, [groups * config.scale_beats(columns)])
    stored = config.stored_weights(narrow)
    weights = stored.decode(unpack(row_words.reshape(rows, -1), stored.bits, columns)).astype(np.int64)
    if config.scales is None:
        return weights, np.ones_like(weights)
    scales = unpack(scale_words.reshape(groups, -1), 8, columns) & ((1 << config.scale_bits) - 1)
    factors = config.scales.decode(scales).astype(np.int64)
    return weights, np.repeat(factors, config.group_rows, axis=0)[:rows]
