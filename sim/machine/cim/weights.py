"""Blocks of weights, with the scales of their groups, as the words of the weight bus."""

import numpy as np

from tilewright.sim.config import MacroConfig, TileConfig
from tilewright.sim.formats import E2M1

from .words import pack, unpack

E2M1_UNITS = 2
"""fp4_e2m1 weights count in units of 1 / E2M1_UNITS."""
_E2M1 = (E2M1.decode(np.arange(16)) * E2M1_UNITS).astype(np.int64)


def e2m1_values(codes: np.ndarray) -> np.ndarray:
    """Return fp4_e2m1 codes, 0 to 15, as numbers in units of 1/2, int64 from -12 to 12."""
    return _E2M1[codes]


def weight_values(macro: MacroConfig) -> np.ndarray:
    """Return every weight that a macro can hold, int64, ascending; those of fp4_e2m1 in units of 1/2."""
    if macro.weight_format == "fp4_e2m1":
        return np.unique(_E2M1)
    return np.arange(-(1 << macro.weight_bits - 1), 1 << macro.weight_bits - 1)


def pack_block(config: TileConfig, weights: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
    """Return the words of a block of weights: the scales of its groups, then its rows.

    Parameters
    ----------
    config : TileConfig
        Formats and bus.
    weights : ndarray of int, shape (rows, columns)
        Values of :func:`weight_values`.
    scales : ndarray of int, shape (groups, columns)
        Scales 0 to 255; only with group scales.

    Returns
    -------
    ndarray of uint8, shape (block_beats(rows, columns), weight_bus_bits / 8)
    """
    macro, bus = config.macro, config.weight_bus_bits
    if macro.weight_format == "fp4_e2m1":
        weights = E2M1.encode(weights / E2M1_UNITS).astype(np.int64)
    words = pack(weights, macro.weight_bits, bus)
    return words if scales is None else np.concatenate([pack(scales, 8, bus), words])


def unpack_block(config: TileConfig, words: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a block and the factors of its scales, int64, both of shape (rows, columns).

    A factor is 1 without group scales. Any words are a block: fp4_e2m1 has no code that is not a number, and only the
    low ``scale_bits`` of a scale count.
    """
    macro = config.macro
    groups = config.block_groups(rows)
    scale_words, row_words = np.split(words, [groups * config.scale_beats(columns)])
    weights = unpack(row_words.reshape(rows, -1), macro.weight_bits, columns)
    if macro.weight_format == "fp4_e2m1":
        weights = e2m1_values(weights & 15)
    if not groups:
        return weights, np.ones_like(weights)
    scales = unpack(scale_words.reshape(groups, -1), 8, columns) & ((1 << config.scale_bits) - 1)
    factors = scales if config.group_scale == "uint8" else np.int64(1) << scales
    return weights, np.repeat(factors, config.group_rows, axis=0)[:rows]
