"""Exact model of the CIM array: the model of a tile, with weight blocks that are spread over tiles."""

from collections.abc import Iterator
from typing import NamedTuple

from tilewright.sim.config import CIMArrayConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.machine.memory.timed_memory import TimedMemory

from .tile import TileModel


class Part(NamedTuple):
    """Part of a weight block that one tile holds."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and number of columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def block_limits(config: CIMArrayConfig, reduce: bool) -> tuple[int, int]:
    """Return the maximum rows and columns of a weight block in a mode."""
    tile = config.tile
    return (config.rows, tile.columns) if reduce else (tile.rows, config.columns)


def parts(config: CIMArrayConfig, rows: int, columns: int, reduce: bool) -> Iterator[Part]:
    """Yield the part of a weight block in each tile, from tile 0 on, in the order of the parts in memory."""
    step = config.tile.rows if reduce else config.tile.columns
    length = rows if reduce else columns
    for start in range(0, length, step):
        piece = slice(start, min(start + step, length))
        yield Part(piece, slice(0, columns)) if reduce else Part(slice(0, rows), piece)


def array_beats(config: CIMArrayConfig, command: ArrayCommand) -> int:
    """Return the number of beats of a command's weight block, scales included."""
    pieces = parts(config, command.rows, command.columns, command.reduce)
    return sum(config.tile.block_beats(*piece.shape, command.narrow) for piece in pieces)


class ArrayModel(TileModel):
    """An array whose results are taken at once, with memories of given timing.

    Parameters
    ----------
    config : CIMArrayConfig
        The array.
    weight_memory, activation_memory : TimedMemory
        Memories for its reads. They must take as many requests as the array has banks, in all tiles, and buffered
        vectors.
    """

    def __init__(self, config: CIMArrayConfig, weight_memory: TimedMemory, activation_memory: TimedMemory):
        super().__init__(config.tile, weight_memory, activation_memory)
        self.array_config = config
        self._sum_latency = config.sum_latency

    def _load(self, command: TileCommand, earliest: int) -> tuple[int, int]:
        """Request the parts of a block from a cycle on, one in each cycle; the load leaves its queue with the last
        part."""
        reads = [
            self.weight_memory.read(earliest, self.config.block_beats(*part.shape, command.narrow))
            for part in parts(self.array_config, command.rows, command.columns, _reduces(command))
        ]
        (first, _), (last, last_word) = reads[0], reads[-1]
        self._loads.append(last)
        return first, last_word

    def _limits(self, command: TileCommand) -> tuple[tuple[str, int], ...]:
        rows, columns = block_limits(self.array_config, _reduces(command))
        return ("rows", rows), ("columns", columns)


def _reduces(command: TileCommand) -> bool:
    return isinstance(command, ArrayCommand) and command.reduce
