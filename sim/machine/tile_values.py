"""What a CIM tile computes: its commands on numpy arrays, without time."""

from collections.abc import Iterable

import numpy as np

from tilewright.sim.config import TileConfig

from .tile import TileCommand
from .words import unpack


def results(
    config: TileConfig, commands: Iterable[TileCommand], weights: np.ndarray, activations: np.ndarray
) -> list[np.ndarray]:
    """Return the result vectors that a tile sends, int64, in order.

    Parameters
    ----------
    config : TileConfig
        The tile.
    commands : iterable of TileCommand
        A program that the tile takes.
    weights, activations : ndarray of uint8, shape (words, bytes of a word)
        Weight and activation memory.
    """
    macro = config.macro
    wrap = 1 << config.accumulator_bits
    slots = np.zeros((config.accumulator_vectors, config.columns), dtype=np.int64)
    block = np.zeros((0, 0), dtype=np.int64)
    sent = []
    for command in commands:
        if command.load:
            beats = config.weight_beats_per_row(command.columns)
            rows = weights[command.weight_address :][: command.rows * beats]
            block = unpack(rows.reshape(command.rows, -1), macro.weight_bits, command.columns)
        beats = config.activation_beats(command.rows)
        vectors = activations[command.activation_address :][: command.vectors * beats]
        x = unpack(vectors.reshape(command.vectors, -1), macro.input_bits, command.rows)
        y = x @ block[: command.rows, : command.columns]
        place = slots[command.slot : command.slot + command.vectors, : command.columns]
        if command.accumulate:
            y = y + place
        y = (y + wrap // 2) % wrap - wrap // 2
        if command.emit:
            sent += list(y)
        else:
            place[:] = y
    return sent
