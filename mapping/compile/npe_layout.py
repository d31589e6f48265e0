"""Operands and results of the NPE's jobs in main memory: packed rows of codes, at equal distances."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.commands import Store
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.machine.npe.values import pack_rows, unpack_rows

Place = tuple[int, int]
"""Address of the first row of an operand, and bytes from a row to the next."""


def row_bytes(config: AcceleratorConfig, elements: int, storage: StoredFormat) -> int:
    """Return the size of a row of an operand in bytes: whole beats of the NPE's bus."""
    assert config.npe is not None
    bus = config.npe.bus_bytes
    return divide_up(elements * storage.bits, 8 * bus) * bus


def write_codes(memory: np.ndarray, address: int, pitch: int, codes: np.ndarray, mode: Mode) -> None:
    """Write rows of codes."""
    lines = pack_rows(codes.astype(np.int64) & (1 << mode.bits) - 1, mode)
    rows = memory[address : address + len(lines) * pitch].reshape(len(lines), pitch)
    rows[:, : lines.shape[1]] = lines


def read_codes(memory: np.ndarray, address: int, pitch: int, shape: tuple[int, int], mode: Mode) -> np.ndarray:
    """Return rows of codes of a shape as they are stored."""
    rows, columns = shape
    lines = memory[address : address + rows * pitch].reshape(rows, pitch)[:, : divide_up(columns * mode.bits, 8)]
    return stored.NPE_OPERANDS[mode].kept(unpack_rows(lines, mode, columns))


@dataclass(frozen=True)
class NpeConstant:
    """Weights of a constant: a row for each column of the product."""

    address: int
    k: int
    n: int
    pitch: int
    storage: StoredFormat
    scales: None = None
    """Scales of groups, which the NPE does not have."""

    def place(self, matrix: Matrix) -> Place:
        """Return the place of some columns of the weights."""
        return self.address + matrix.offset * self.pitch, self.pitch

    def write(self, memory: np.ndarray, codes: np.ndarray, scales: np.ndarray | None) -> None:
        """Write (k, n) weights as they are stored."""
        assert scales is None
        write_codes(memory, self.address, self.pitch, codes.reshape(self.k, self.n).T, stored.npe_mode(self.storage))


@dataclass(frozen=True)
class JobRows:
    """A matrix between steps of which at least one is a job: its rows or, transposed, its columns."""

    address: int
    rows: int
    columns: int
    pitch: int
    """Bytes from a row, or from a column, to the next."""
    storage: StoredFormat
    transposed: bool

    def place(self, matrix: Matrix) -> Place:
        """Return the place of a part of the matrix."""
        row, column = divmod(matrix.offset, self.columns)
        along, across = (column, row) if self.transposed else (row, column)
        address = self.address + along * self.pitch + across * self.storage.bits // 8
        if self.transposed:
            assert matrix.rows == 1 or matrix.stride == self.columns, f"{matrix.buffer.name}: rows of {matrix.stride}"
            return address, self.pitch
        if matrix.rows == 1 or matrix.stride == 0:
            return address, 0
        if matrix.stride % self.columns == 0:
            return address, matrix.stride // self.columns * self.pitch
        return address, matrix.stride * self.storage.bits // 8


@dataclass(frozen=True)
class NpeStored:
    """Keys or values that a program writes and then multiplies with on the NPE.

    Keys are taken ``transposed``: a row for each position. Values: a row for each element of the head, of all
    positions.
    """

    config: AcceleratorConfig
    address: int
    positions: int
    """Number of positions for which there is room."""
    head: int
    """Number of elements of a position."""
    transposed: bool
    format: StoredFormat

    @property
    def shape(self) -> tuple[int, int]:
        """Rows in memory, and elements of a row."""
        return (self.positions, self.head) if self.transposed else (self.head, self.positions)

    @property
    def pitch(self) -> int:
        """Bytes from a row to the next."""
        return row_bytes(self.config, self.shape[1], self.format)

    @property
    def bytes(self) -> int:
        """Size of all rows in bytes."""
        return self.shape[0] * self.pitch

    @property
    def position_bytes(self) -> int:
        """Bytes from a position to the next."""
        return self.pitch if self.transposed else self.format.bits // 8

    def place(self, position: int) -> Place:
        """Return the place of the positions from one on."""
        return self.address + position * self.position_bytes, self.pitch

    def store(
        self, source: int, pitch: int, *, size: int = 1, position: int, positions: int, first: int, elements: int
    ) -> Iterator[Store]:
        """Yield the command that stores a matrix from the scratchpad, whose rows are positions.

        Parameters
        ----------
        source, pitch : int
            Of the first row, in bytes.
        size : int
            Bytes of an element.
        position, first : int
            Place of the first row and of its first element.
        """
        address, _ = self.place(position)
        if not self.transposed:
            yield Store(
                size=size.bit_length() - 1,
                address=address + first * self.pitch,
                count=positions,
                rows=elements,
                stride=self.pitch,
                source=source,
                element_pitch=pitch,
                pitch=size,
            )
            return
        address += first * size
        unit = self.config.bus_bytes
        while any(each % unit for each in (address, elements * size, source, pitch, self.pitch)):
            unit //= 2
        yield Store(
            size=unit.bit_length() - 1,
            address=address,
            count=elements * size // unit,
            rows=positions,
            stride=self.pitch,
            source=source,
            element_pitch=unit,
            pitch=pitch,
        )

    def prepare(self, memory: np.ndarray) -> None:
        """Write nothing: there are no scales of groups."""

    def read(self, memory: np.ndarray) -> np.ndarray:
        """Return the codes that are stored, (positions, head)."""
        codes = read_codes(memory, self.address, self.pitch, self.shape, stored.npe_mode(self.format))
        return codes if self.transposed else codes.T

    def write(self, memory: np.ndarray, values: np.ndarray) -> None:
        """Store codes, (positions, head)."""
        codes = values if self.transposed else values.T
        write_codes(memory, self.address, self.pitch, codes, stored.npe_mode(self.format))
