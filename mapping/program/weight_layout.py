"""Weights in memory in the order in which the array's products take them: constants, and caches that grow."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tilewright.mapping.tiling import ArrayMatmul
from tilewright.sim.config import CIMArrayConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.program import Store, Weights
from tilewright.sim.machine.cim_array import block_limits, parts

MOST = (1 << 16) - 1
"""Of beats, rows, planes, elements of a command."""


def blocks(config: CIMArrayConfig, k: int, n: int, reduce: bool) -> int:
    """Return how many blocks a product of (k, n) weights takes."""
    high, wide = block_limits(config, reduce)
    return divide_up(k, high) * divide_up(n, wide)


def reduces(config: CIMArrayConfig, k: int, n: int) -> bool:
    """Return whether blocks of (k, n) constants had better be as high as all tiles: if there are fewer then."""
    return config.tiles > 1 and blocks(config, k, n, True) < blocks(config, k, n, False)


def constant_words(config: CIMArrayConfig, weights: np.ndarray, scales: np.ndarray | None, reduce: bool) -> np.ndarray:
    """Return the bytes of (k, n) weights as products of all of them, or of columns of whole blocks, take them.

    Columns are filled up with zeros to whole tiles; a tile with group scales gets ones where none are given.
    """
    tile = config.tile
    k, n = weights.shape
    padding = ((0, 0), (0, -n % tile.columns))
    padded = np.pad(weights.astype(np.int64), padding)
    if tile.group_rows:
        ones = np.ones((divide_up(k, tile.group_rows), n), np.int64)
        scales = np.pad(ones if scales is None else scales.astype(np.int64), padding, constant_values=1)
    return ArrayMatmul(config, 1, k, padded.shape[1], reduce).weight_words(padded, scales).ravel()


def constant_bytes(config: CIMArrayConfig, k: int, n: int, reduce: bool) -> int:
    """Return the length of :func:`constant_words` of (k, n) weights."""
    tile = config.tile
    total = 0
    for top in range(0, k, block_limits(config, reduce)[0]):
        rows = min(block_limits(config, reduce)[0], k - top)
        pieces = (part.shape[0] for part in parts(config, rows, tile.columns, True)) if reduce else (rows,)
        total += sum(tile.block_beats(piece, tile.columns) for piece in pieces)
    return total * divide_up(n, tile.columns) * tile.weight_bus_bits // 8


@dataclass(frozen=True)
class StoredWeights:
    """Integers that a program writes and then multiplies with: chunks of a tile's columns, in each row by row.

    Keys are taken ``transposed``: a row for each element of the head, of the positions of a chunk. Values: a row for
    each position, of the elements of a chunk. So both grow without anything being moved.
    """

    config: AcceleratorConfig
    address: int
    positions: int
    """For which there is room."""
    head: int
    """Elements of a position."""
    transposed: bool

    @property
    def columns(self) -> int:
        """Of a chunk, also its bytes in a row."""
        return self.config.cim.tile.columns

    @property
    def rows(self) -> int:
        """Of a chunk."""
        return self.head if self.transposed else self.positions

    @property
    def chunks(self) -> int:
        """Of all columns."""
        return divide_up(self.positions if self.transposed else self.head, self.columns)

    @property
    def bytes(self) -> int:
        """Of all chunks."""
        return self.chunks * self.rows * self.columns

    def load(self, positions: int) -> tuple[bool, int, list[Weights]]:
        """Return mode and columns of a product with the first positions, and the commands that bring them."""
        cim = self.config.cim
        k, n = (self.head, positions) if self.transposed else (positions, self.head)
        n = divide_up(n, self.columns) * self.columns
        # With as many blocks the rows of all tiles lie in one sequence.
        reduce = cim.tiles > 1 and blocks(cim, k, n, True) <= blocks(cim, k, n, False)
        high, wide = block_limits(cim, reduce)
        runs = []
        for left in range(0, n, wide):
            for top in range(0, k, high):
                for part in parts(cim, min(high, k - top), min(wide, n - left), reduce):
                    chunk = (left + part.columns.start) // self.columns
                    row = chunk * self.rows + top + part.rows.start
                    runs.append((self.address + row * self.columns, part.shape[0] * self.columns))
        return reduce, n, list(weights_commands(self.config, runs))

    def store(
        self, source: int, pitch: int, *, position: int, positions: int, first: int, elements: int
    ) -> Iterator[Store]:
        """Yield the commands that store a matrix from the scratchpad: a row for each position, of int8.

        Parameters
        ----------
        source, pitch : int
            Of the first row, in bytes.
        position, first : int
            Place of the first row and of its first element.
        """
        columns = self.columns
        if self.transposed:
            for start, count, planes in _runs(position, positions, columns):
                chunk, inside = divmod(start, columns)
                yield Store(
                    size=0,
                    address=self.address + (chunk * self.rows + first) * columns + inside,
                    count=count,
                    rows=elements,
                    stride=columns,
                    planes=planes,
                    plane_stride=self.rows * columns,
                    source=source + (start - position) * pitch,
                    element_pitch=pitch,
                    pitch=1,
                    plane_pitch=columns * pitch,
                )
            return
        for start, count, planes in _runs(first, elements, columns):
            chunk, inside = divmod(start, columns)
            address = self.address + (chunk * self.rows + position) * columns + inside
            place = source + start - first
            size = self._element(count, address, place, pitch, columns)
            store = Store(
                size=size.bit_length() - 1,
                address=address,
                count=count // size,
                rows=positions,
                stride=columns,
                planes=planes,
                plane_stride=self.rows * columns,
                source=place,
                element_pitch=size,
                pitch=pitch,
                plane_pitch=columns,
            )
            if size == columns:
                # A position is one element, and positions follow one another.
                store = replace(
                    store,
                    count=positions,
                    element_pitch=pitch,
                    rows=planes,
                    stride=store.plane_stride,
                    pitch=columns,
                    planes=1,
                    plane_stride=0,
                    plane_pitch=0,
                )
            yield store

    def _element(self, *multiples: int) -> int:
        """Return the bytes of the largest element that divides some numbers."""
        size = self.config.bus_bytes
        while any(each % size for each in multiples):
            size //= 2
        return size

    def read(self, memory: np.ndarray) -> np.ndarray:
        """Return what is stored, (positions, head) int8."""
        data = memory[self.address : self.address + self.bytes].view(np.int8).reshape(self.chunks, self.rows, -1)
        if self.transposed:
            return data.transpose(0, 2, 1).reshape(-1, self.head)[: self.positions]
        return data.transpose(1, 0, 2).reshape(self.positions, -1)[:, : self.head]

    def write(self, memory: np.ndarray, values: np.ndarray) -> None:
        """Store (positions, head) int8."""
        padded = np.zeros((self.chunks, self.rows, self.columns), np.int8)
        if self.transposed:
            flat = np.zeros((self.chunks * self.columns, self.head), np.int8)
            flat[: self.positions] = values
            padded[:] = flat.reshape(self.chunks, self.columns, self.head).transpose(0, 2, 1)
        else:
            wide = np.zeros((self.positions, self.chunks * self.columns), np.int8)
            wide[:, : self.head] = values
            padded[:] = wide.reshape(self.positions, self.chunks, self.columns).transpose(1, 0, 2)
        memory[self.address : self.address + self.bytes] = padded.ravel().view(np.uint8)


def _runs(first: int, count: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield the parts of a range in chunks of a size: start, length, number of equal ones that follow one another."""
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


def weights_commands(config: AcceleratorConfig, runs: list[tuple[int, int]]) -> Iterator[Weights]:
    """Yield commands that read runs of bytes, address and length, in their order."""
    joined: list[list[int]] = []
    for address, length in runs:
        if joined and sum(joined[-1]) == address:
            joined[-1][1] += length
        else:
            joined.append([address, length])
    rows = [
        [address, length // config.bus_bytes, 1, 0]
        for each in joined
        for address, length in _pieces(config, *each)
    ]  # fmt: skip
    for address, (beats, count, stride), planes, plane_stride in _progressions(
        [(address, (beats, count, stride)) for address, (beats,), count, stride in _progressions(
            [(address, (beats,)) for address, beats, _, _ in rows]
        )]
    ):  # fmt: skip
        yield Weights(address=address, beats=beats, rows=count, stride=stride, planes=planes, plane_stride=plane_stride)


def _pieces(config: AcceleratorConfig, address: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield a run in pieces that a command can count."""
    most = MOST * config.bus_bytes
    if length > most:
        # A power of two leaves pieces of equal length.
        most = 1 << (most.bit_length() - 1)
    for start in range(0, length, most):
        yield address + start, min(most, length - start)


def _progressions(items: list[tuple[int, tuple]]) -> Iterator[tuple[int, tuple, int, int]]:
    """Yield items that are equal and at equal distances as one: address, item, how many, distance."""
    place = 0
    while place < len(items):
        address, item = items[place]
        count, distance = 1, 0
        while place + count < len(items) and count < MOST:
            next_address, other = items[place + count]
            step = next_address - items[place + count - 1][0]
            if other != item or step < 0 or step >= 1 << 32 or (count > 1 and step != distance):
                break
            distance = step
            count += 1
        yield address, item, count, distance
        place += count
