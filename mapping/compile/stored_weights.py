"""Weights that a program writes: caches of keys and values, which grow by one store for each token."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.config import TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.formats import StoredFormat
from tilewright.sim.isa.commands import Store, Weights
from tilewright.sim.machine.cim.array import block_limits, parts

from .weight_layout import blocks, product_columns, unit_scale, weights_commands


def stored_columns(tile: TileConfig, head: int, transposed: bool) -> int:
    """Return the columns of a chunk: those of a tile, or for values with fewer elements those of a product with
    them."""
    return tile.columns if transposed else min(tile.columns, product_columns(tile, head))


@dataclass(frozen=True)
class StoredWeights:
    """Weights that a program writes and then multiplies with: chunks of columns, each stored row by row.

    Keys are taken ``transposed``: a row for each element of the head, of the positions of a chunk. Values: a row for
    each position, of the elements of a chunk. So both grow without anything being moved. Rows begin at beats of the
    bus. A tile with group scales finds in front of as many rows as it has those of their groups, which all change
    nothing.
    """

    config: AcceleratorConfig
    address: int
    positions: int
    """Number of positions for which there is room."""
    head: int
    """Number of elements of a position."""
    transposed: bool

    @property
    def columns(self) -> int:
        """Number of columns of a chunk."""
        return stored_columns(self.config.cim_array.tile, self.head, self.transposed)

    @property
    def format(self) -> StoredFormat:
        """Stored format of an element."""
        return self.config.cim_array.tile.macro.weights

    @property
    def packed(self) -> bool:
        """Whether elements have four bits; otherwise they have eight."""
        return self.format.bits < 8

    @property
    def row_bytes(self) -> int:
        """Size of a row of a chunk in bytes."""
        return self.config.cim_array.tile.weight_beats_per_row(self.columns) * self.config.bus_bytes

    @property
    def group_bytes(self) -> int:
        """Size of the scales of a group of rows in bytes."""
        return self.config.cim_array.tile.scale_beats(self.columns) * self.config.bus_bytes

    @property
    def scale_bytes(self) -> int:
        """Size of the scales in front of the rows that a tile holds in bytes."""
        return self.groups * self.group_bytes

    @property
    def rows(self) -> int:
        """Number of rows of a chunk."""
        return self.head if self.transposed else self.positions

    @property
    def chunks(self) -> int:
        """Number of chunks of all columns."""
        return divide_up(self.positions if self.transposed else self.head, self.columns)

    @property
    def groups(self) -> int:
        """Number of rows of scales before the rows that a tile holds."""
        return self.config.cim_array.tile.groups if self.config.cim_array.tile.group_rows else 0

    @property
    def piece_bytes(self) -> int:
        """Size in bytes of the rows that a tile holds, with their scales."""
        return self.config.cim_array.tile.rows * self.row_bytes + self.scale_bytes

    @property
    def chunk_bytes(self) -> int:
        """Bytes from a chunk to the next."""
        pieces = divide_up(self.rows, self.config.cim_array.tile.rows)
        return self.rows * self.row_bytes + pieces * self.scale_bytes

    @property
    def bytes(self) -> int:
        """Size of all chunks in bytes."""
        return self.chunks * self.chunk_bytes

    def _place(self, chunk: int, row: int) -> int:
        """Return the address of a row."""
        piece, inside = divmod(row, self.config.cim_array.tile.rows)
        before = chunk * self.chunk_bytes + piece * self.piece_bytes + self.scale_bytes
        return self.address + before + inside * self.row_bytes

    def load(self, positions: int, first: int = 0) -> tuple[bool, int, list[Weights]]:
        """Return mode and columns of a product with positions from ``first`` on, and the commands that load them.

        Raises
        ------
        ConfigError
            If a product cannot begin at this position.
        """
        step = self.columns if self.transposed else self.config.cim_array.tile.rows if self.groups else 1
        if first % step:
            raise ConfigError(f"a product with stored weights cannot begin at position {first}: a multiple of {step}")
        row, column = (0, first) if self.transposed else (first, 0)
        cim = self.config.cim_array
        k, n = (self.head, positions) if self.transposed else (positions, self.head)
        n = divide_up(n, self.columns) * self.columns
        # With as many blocks the rows of all tiles lie in one sequence.
        reduce = cim.tiles > 1 and blocks(cim, k, n, True) <= blocks(cim, k, n, False)
        high, wide = block_limits(cim, reduce)
        runs = []
        for left in range(0, n, wide):
            for top in range(0, k, high):
                for part in parts(cim, min(high, k - top), min(wide, n - left), reduce):
                    rows = part.shape[0]
                    scales = cim.tile.block_groups(rows) * self.group_bytes
                    chunk = (column + left + part.columns.start) // self.columns
                    address = self._place(chunk, row + top + part.rows.start)
                    runs.append((address - scales, scales + rows * self.row_bytes))
        return reduce, n, list(weights_commands(self.config, runs))

    def store(
        self,
        source: int,
        pitch: int,
        *,
        size: int = 1,
        position: int,
        positions: int,
        first: int,
        elements: int,
    ) -> Iterator[Store]:
        """Yield the commands that store a matrix from the scratchpad: a row for each position.

        Parameters
        ----------
        source, pitch : int
            Of the first row, in bytes.
        size : int
            Bytes of an element, of which the first one is stored.
        position, first : int
            Place of the first row and of its first element. Of what is packed, an element that shares a byte with one
            before it cannot be stored without that.
        """
        place = (first, elements, position, positions) if self.transposed else (position, positions, first, elements)
        row, rows, column, columns = place
        assert not (self.packed and column % 2), f"{column} is the second of its byte"
        # With scales rows follow one another up to the next tile's.
        high = self.config.cim_array.tile.rows if self.groups else self.rows
        for top, height, pieces in _runs(row, rows, high):
            for there in range(top, top + pieces * height, height):
                for left, width, planes in _runs(column, columns, self.columns):
                    if self.transposed:
                        start = source + (left - column) * pitch + (there - row) * size
                        yield self._store_rows(start, size, pitch, there, height, left, width, planes)
                    else:
                        start = source + (there - row) * pitch + (left - column) * size
                        yield self._store_rows(start, pitch, size, there, height, left, width, planes)

    def _store_rows(
        self, source: int, pitch: int, element_pitch: int, row: int, rows: int, left: int, width: int, planes: int
    ) -> Store:
        """Return the command that stores rows of some chunks, from elements of a byte."""
        chunk, inside = divmod(left, self.columns)
        address = self._place(chunk, row) + (inside // 2 if self.packed else inside)
        store = Store(
            size=0,
            packed=self.packed,
            address=address,
            count=width,
            rows=rows,
            stride=self.row_bytes,
            planes=planes,
            plane_stride=self.chunk_bytes,
            source=source,
            element_pitch=element_pitch,
            pitch=pitch,
            plane_pitch=self.columns * element_pitch,
        )
        size = (
            1 if self.packed or element_pitch != 1 else self.element_bytes(width, address, source, pitch, self.columns)
        )
        if size == 1:
            return store
        store = replace(store, size=size.bit_length() - 1, count=width // size, element_pitch=size)
        if size < self.row_bytes:
            return store
        # A row is one element, and rows follow one another.
        return replace(
            store,
            count=rows,
            element_pitch=pitch,
            rows=planes,
            stride=store.plane_stride,
            pitch=self.columns,
            planes=1,
            plane_stride=0,
            plane_pitch=0,
        )

    def element_bytes(self, *multiples: int) -> int:
        """Return the bytes of the largest element that divides some numbers."""
        size = self.config.bus_bytes
        while any(each % size for each in multiples):
            size //= 2
        return size

    def prepare(self, memory: np.ndarray) -> None:
        """Write the scales of groups, which change nothing."""
        for _, scales, _ in self._pieces(memory):
            scales[:] = unit_scale(self.config.cim_array.tile)

    def read(self, memory: np.ndarray) -> np.ndarray:
        """Return the codes that are stored, (positions, head)."""
        chunks: list[list[np.ndarray]] = [[] for _ in range(self.chunks)]
        for chunk, _, rows in self._pieces(memory):
            if self.packed:
                rows = np.stack([rows, rows >> 4], axis=-1).reshape(len(rows), -1)
            chunks[chunk].append(self.format.kept(rows[:, : self.columns]))
        values = np.concatenate([np.concatenate(each) for each in chunks], axis=1)
        return (values.T if self.transposed else values)[: self.positions, : self.head]

    def write(self, memory: np.ndarray, values: np.ndarray) -> None:
        """Store codes, (positions, head), in the form in which :meth:`read` returns them."""
        matrix = values.T if self.transposed else values
        matrix = np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % self.columns))).view(np.uint8)
        done = [0] * self.chunks
        for chunk, _, rows in self._pieces(memory):
            start = done[chunk]
            done[chunk] += len(rows)
            part = matrix[start : done[chunk], chunk * self.columns : (chunk + 1) * self.columns]
            part = np.pad(part, ((0, 0), (0, self.row_bytes * (1 + self.packed) - self.columns)))
            rows[:] = (part[:, ::2] & 15) | (part[:, 1::2] << 4) if self.packed else part

    def _pieces(self, memory: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield chunk, bytes of the scales and rows of each part that a tile holds, each row as its bytes."""
        for chunk in range(self.chunks):
            for first in range(0, self.rows, self.config.cim_array.tile.rows):
                end = self._place(chunk, min(first + self.config.cim_array.tile.rows, self.rows) - 1) + self.row_bytes
                start = self._place(chunk, first)
                yield chunk, memory[start - self.scale_bytes : start], memory[start:end].reshape(-1, self.row_bytes)


def _runs(first: int, count: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield the parts of a range in chunks of a size: start, length, number of equal parts that follow one another."""
    end = first + count
    if first % size:
        stop = min(end, divide_up(first, size) * size)
        yield first, stop - first, 1
        first = stop
    if end - first >= size:
        yield first, size, (end - first) // size
        first += (end - first) // size * size
    if first < end:
        yield first, end - first, 1
