"""Matrix products as commands of a CIM tile, and matrices as the words that it reads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tilewright.sim.config import TileConfig
from tilewright.sim.machine.tile import MAX_VECTORS, TileCommand
from tilewright.sim.machine.words import pack


@dataclass(frozen=True)
class TiledMatmul:
    """``y = x @ w`` with ``x`` of shape (m, k) and ``w`` of shape (k, n), cut into blocks for one tile.

    Columns of blocks outermost, then groups of vectors as large as the accumulators, then rows of blocks:
    partial sums never leave the tile. Blocks and vectors lie in memory in the order in which they are used.
    """

    config: TileConfig
    m: int
    k: int
    n: int

    @property
    def _group(self) -> int:
        """Vectors that one block is multiplied with before the next: all of them if nothing accumulates."""
        return min(self.m, MAX_VECTORS if self.k <= self.config.rows else self.config.accumulator_vectors)

    def blocks(self) -> Iterator[tuple[slice, slice, slice]]:
        """Yield the slices of m, k and n of every command, in order."""
        cfg = self.config
        for n in range(0, self.n, cfg.columns):
            for m in range(0, self.m, self._group):
                for k in range(0, self.k, cfg.rows):
                    yield (
                        slice(m, min(m + self._group, self.m)),
                        slice(k, min(k + cfg.rows, self.k)),
                        slice(n, min(n + cfg.columns, self.n)),
                    )

    def commands(self) -> list[TileCommand]:
        """Return the program."""
        cfg = self.config
        program: list[TileCommand] = []
        weight_address = activation_address = 0
        for m, k, n in self.blocks():
            command = TileCommand(
                rows=k.stop - k.start,
                columns=n.stop - n.start,
                vectors=m.stop - m.start,
                accumulate=k.start > 0,
                emit=k.stop == self.k,
                weight_address=weight_address,
                activation_address=activation_address,
            )
            program.append(command)
            weight_address += command.rows * cfg.weight_beats_per_row(command.columns)
            activation_address += command.vectors * cfg.activation_beats(command.rows)
        return program

    def weight_words(self, w: np.ndarray) -> np.ndarray:
        """Return ``w`` as weight memory holds it: uint8 of shape (words, bytes of a word)."""
        cfg = self.config
        return np.concatenate([pack(w[k, n], cfg.macro.weight_bits, cfg.weight_bus_bits) for _, k, n in self.blocks()])

    def activation_words(self, x: np.ndarray) -> np.ndarray:
        """Return ``x`` as activation memory holds it: uint8 of shape (words, bytes of a word)."""
        cfg = self.config
        return np.concatenate(
            [pack(x[m, k], cfg.macro.input_bits, cfg.activation_bus_bits) for m, k, _ in self.blocks()]
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
