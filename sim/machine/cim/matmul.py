"""Matrix products as commands of a CIM tile or array, and matrices as the words that it reads."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tilewright.sim.config import CIMArrayConfig, TileConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.isa.widths import MAX_VECTORS
from tilewright.sim.machine.cim.array import Part, block_limits, parts
from tilewright.sim.machine.cim.weights import pack_block
from tilewright.sim.machine.cim.words import pack


class BlockedMatmul:
    """``y = x @ w`` with ``x`` of shape (m, k) and ``w`` of shape (k, n), cut into blocks.

    Columns of blocks outermost, then groups of vectors as large as the accumulators, then rows of blocks:
    partial sums never leave the tile. Blocks and vectors lie in memory in the order in which they are used.
    """

    m: int
    k: int
    n: int
    narrow: bool

    @property
    @abstractmethod
    def tile(self) -> TileConfig:
        """The tile, or one of the tiles."""

    @property
    @abstractmethod
    def block_limits(self) -> tuple[int, int]:
        """Most rows and columns of a block."""

    @abstractmethod
    def parts(self, rows: int, columns: int) -> Iterable[Part]:
        """Return the parts of a block in the order in which they lie in memory."""

    @property
    def _group(self) -> int:
        """Vectors that one block is multiplied with before the next: all of them if nothing accumulates."""
        return min(self.m, MAX_VECTORS if self.k <= self.block_limits[0] else self.tile.accumulator_vectors)

    def blocks(self) -> Iterator[tuple[slice, slice, slice]]:
        """Yield the slices of m, k and n of every command, in order."""
        rows, columns = self.block_limits
        for n in range(0, self.n, columns):
            for m in range(0, self.m, self._group):
                for k in range(0, self.k, rows):
                    yield (
                        slice(m, min(m + self._group, self.m)),
                        slice(k, min(k + rows, self.k)),
                        slice(n, min(n + columns, self.n)),
                    )

    def _fields(self) -> Iterator[dict]:
        """Yield the fields of each command of the program."""
        tile = self.tile
        weight_address = activation_address = 0
        for m, k, n in self.blocks():
            rows, columns, vectors = k.stop - k.start, n.stop - n.start, m.stop - m.start
            yield {
                "rows": rows,
                "columns": columns,
                "vectors": vectors,
                "accumulate": k.start > 0,
                "emit": k.stop == self.k,
                "narrow": self.narrow,
                "weight_address": weight_address,
                "activation_address": activation_address,
            }
            weight_address += sum(tile.block_beats(*part.shape, self.narrow) for part in self.parts(rows, columns))
            activation_address += vectors * tile.activation_beats(rows)

    def weight_words(self, codes: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
        """Return weights, codes of shape (k, n), as weight memory holds them: uint8 of shape (words, bytes of a word).

        With group scales, ``scales`` of shape (groups of k, n) holds one for each ``group_rows`` rows of a column.
        """
        words = []
        for _, k, n in self.blocks():
            for part in self.parts(k.stop - k.start, n.stop - n.start):
                rows = slice(k.start + part.rows.start, k.start + part.rows.stop)
                columns = slice(n.start + part.columns.start, n.start + part.columns.stop)
                scaled = None if scales is None else scales[self._groups(rows), columns]
                words.append(pack_block(self.tile, codes[rows, columns], scaled, self.narrow))
        return np.concatenate(words)

    def _groups(self, rows: slice) -> slice:
        """Return the groups in which rows of weights lie."""
        size = self.tile.group_rows
        return slice(rows.start // size, -(-rows.stop // size))

    def activation_words(self, x: np.ndarray) -> np.ndarray:
        """Return ``x`` as activation memory holds it: uint8 of shape (words, bytes of a word)."""
        tile = self.tile
        return np.concatenate(
            [pack(x[m, k], tile.macro.input_bits, tile.activation_bus_bits) for m, k, _ in self.blocks()]
        )

    def results(self, vectors: Iterable[np.ndarray]) -> np.ndarray:
        """Return ``y``, int64 of shape (m, n), from the result vectors in the order in which they came."""
        y = np.zeros((self.m, self.n), dtype=np.int64)
        vectors = iter(vectors)
        for m, k, n in self.blocks():
            if k.stop == self.k:
                for row in range(m.start, m.stop):
                    y[row, n] = next(vectors)
        return y


@dataclass(frozen=True)
class TiledMatmul(BlockedMatmul):
    """A product on one tile."""

    config: TileConfig
    m: int
    k: int
    n: int
    narrow: bool = False

    @property
    def tile(self) -> TileConfig:
        return self.config

    @property
    def block_limits(self) -> tuple[int, int]:
        return self.config.rows, self.config.columns

    def parts(self, rows: int, columns: int) -> Iterable[Part]:
        return (Part(slice(0, rows), slice(0, columns)),)

    def commands(self) -> list[TileCommand]:
        """Return the program."""
        return [TileCommand(**fields) for fields in self._fields()]


@dataclass(frozen=True)
class ArrayMatmul(BlockedMatmul):
    """A product on an array: with ``reduce`` blocks are as high as all tiles, without as wide."""

    config: CIMArrayConfig
    m: int
    k: int
    n: int
    reduce: bool = False
    narrow: bool = False

    @property
    def tile(self) -> TileConfig:
        return self.config.tile

    @property
    def block_limits(self) -> tuple[int, int]:
        return block_limits(self.config, self.reduce)

    def parts(self, rows: int, columns: int) -> Iterable[Part]:
        return parts(self.config, rows, columns, self.reduce)

    def commands(self) -> list[ArrayCommand]:
        """Return the program."""
        return [ArrayCommand(**fields, reduce=self.reduce) for fields in self._fields()]
