"""Values of the commands of a CIM tile or array on numpy arrays, without time."""

from collections.abc import Callable, Iterable

import numpy as np

from tilewright.sim.config import CIMArrayConfig, TileConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand

from .array import parts
from .weights import unpack_block
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

    def block(command: TileCommand) -> np.ndarray:
        return _scaled_block(config, weights[command.weight_address :], command.rows, command.columns, command.narrow)

    return _run(config, config.columns, commands, block, activations)


def array_results(
    config: CIMArrayConfig, commands: Iterable[ArrayCommand], weights: np.ndarray, activations: np.ndarray
) -> list[np.ndarray]:
    """Return the result vectors that an array sends, in the way of :func:`results`."""
    tile = config.tile

    def block(command: TileCommand) -> np.ndarray:
        assert isinstance(command, ArrayCommand)
        matrix = np.zeros((command.rows, command.columns), dtype=np.int64)
        address = command.weight_address
        for part in parts(config, command.rows, command.columns, command.reduce):
            matrix[part.rows, part.columns] = _scaled_block(tile, weights[address:], *part.shape, command.narrow)
            address += tile.block_beats(*part.shape, command.narrow)
        return matrix

    return _run(tile, config.columns, commands, block, activations)


def _scaled_block(config: TileConfig, words: np.ndarray, rows: int, columns: int, narrow: bool) -> np.ndarray:
    """Return the weights of the block at the start of memory, each multiplied by the scale of its group.

    The hardware scales the sum over a group: the same integer.
    """
    words = words[: config.block_beats(rows, columns, narrow)]
    return np.multiply(*unpack_block(config, words, rows, columns, narrow))


def _run(
    config: TileConfig,
    columns: int,
    commands: Iterable[TileCommand],
    load: Callable[[TileCommand], np.ndarray],
    activations: np.ndarray,
) -> list[np.ndarray]:
    """Run commands on accumulators with this number of columns."""
    beyond = 64 - config.accumulator_bits
    slots = np.zeros((config.accumulator_vectors, columns), dtype=np.int64)
    block = np.zeros((0, 0), dtype=np.int64)
    sent = []
    for command in commands:
        if command.load:
            block = load(command)
        beats = config.activation_beats(command.rows)
        vectors = activations[command.activation_address :][: command.vectors * beats]
        x = unpack(vectors.reshape(command.vectors, -1), config.macro.input_bits, command.rows)
        y = x @ block[: command.rows, : command.columns]
        place = slots[command.slot : command.slot + command.vectors, : command.columns]
        if command.accumulate:
            y = y + place
        y = y << beyond >> beyond  # wraps
        if command.emit:
            sent += list(y)
        else:
            place[:] = y
    return sent
