"""A compiled program, and the layout of its data in main memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.sim.config import CIMArrayConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats import StoredFormat
from tilewright.sim.isa.commands import Command
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.encoding import encode_program
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.machine.cim.array import block_limits

from .allocation import Tensor
from .memory_map import MemoryMap
from .npe_layout import NpeConstant, NpeStored
from .stored_weights import StoredWeights
from .weight_layout import constant_bytes, constant_words

StoredOperand = StoredWeights | NpeStored
"""Weights that a program writes, for the CIM array or for the NPE."""
COLUMNS = 1024
"""Number of columns of weights, and more in whole blocks if these are wider, that are laid out together."""


@dataclass(frozen=True)
class PaddedRows:
    """A matrix in memory whose rows begin at words of the scratchpad."""

    address: int
    rows: int
    columns: int
    pitch: int
    """Bytes from a row to the next."""
    storage: StoredFormat

    @property
    def stop(self) -> int:
        """First address after the last row."""
        return self.address + self.rows * self.pitch

    def view(self, memory: np.ndarray) -> np.ndarray:
        """Return the elements as they are stored, (rows, columns)."""
        flat: np.ndarray = memory[self.address : self.stop].view(self.storage.dtype)
        return flat.reshape(self.rows, -1)[:, : self.columns]

    def read(self, memory: np.ndarray) -> np.ndarray:
        """Return the elements as numbers, (rows, columns) float32."""
        return self.storage.to_fp32(self.view(memory))

    def write(self, memory: np.ndarray, values: np.ndarray) -> None:
        """Write (rows, columns) numbers, rounded."""
        self.view(memory)[:] = self.storage.from_fp32(values.astype(np.float32))


@dataclass(frozen=True)
class ConstantWeights:
    """Weights of a constant in the order in which products take them."""

    config: CIMArrayConfig
    address: int
    k: int
    n: int
    reduce: bool
    scales: str | None
    """Name of the scales of groups."""
    narrow: bool = False
    """Flag: weights have the array's narrow format."""

    def part(self, matrix: Matrix) -> tuple[int, int]:
        """Return address and size in bytes of some columns, which begin with a block."""
        start = matrix.offset
        assert matrix.rows == self.k, f"{matrix.buffer.name}: {matrix.rows} of {self.k} rows"
        assert start % block_limits(self.config, self.reduce)[1] == 0, f"{matrix.buffer.name}: column {start}"
        return self.address + self._bytes(start), self._bytes(matrix.columns)

    def write(self, memory: np.ndarray, codes: np.ndarray, scales: np.ndarray | None) -> None:
        """Write (k, n) weights as they are stored."""
        codes = codes.reshape(self.k, self.n)
        if scales is not None:
            scales = scales.reshape(-1, self.n)
        # Some whole blocks at a time: the layout is found with numbers that are much larger than the weights.
        wide = block_limits(self.config, self.reduce)[1]
        step = max(1, COLUMNS // wide) * wide
        for first in range(0, self.n, step):
            columns = slice(first, first + step)
            part = None if scales is None else scales[:, columns]
            words = constant_words(self.config, codes[:, columns], part, self.reduce, self.narrow)
            begin = self.address + self._bytes(first)
            memory[begin : begin + len(words)] = words

    def _bytes(self, columns: int) -> int:
        """Return the size of the first columns."""
        return constant_bytes(self.config, self.k, columns, self.reduce, self.narrow)


@dataclass(frozen=True)
class StoredBuffer:
    """A buffer of weights that a program writes, as several operands, side by side or one after the other."""

    elements: int
    stride: int
    """Number of elements from a position to the next."""
    operands: Mapping[int, StoredOperand]
    """Operands by their first element in the buffer."""
    tail: PaddedRows | None = None
    """Name of the place with the last position of packed keys if its number is even, as the vector unit wrote it; the
    next position is stored together with it."""

    def operand(self, offset: int) -> tuple[StoredOperand, int]:
        """Return the operand that contains an element of the buffer, and its position there."""
        if offset in self.operands:
            return self.operands[offset], 0
        for first, operand in self.operands.items():
            if first <= offset < first + operand.positions * operand.head:
                return operand, (offset - first) // operand.head
        raise AssertionError(f"element {offset} belongs to no operand")

    def parts(self, start: int, length: int) -> Iterator[tuple[int, int, StoredOperand, int, int]]:
        """Yield the operand of each run of successive elements.

        Each part: elements before it, its length, the operand, position, element of the position.
        """
        for offset, operand in self.operands.items():
            if self.stride > operand.head:
                position, column = divmod(start, self.stride)
                begin, end = max(column, offset), min(column + length, offset + operand.head)
                if begin < end:
                    yield begin - column, end - begin, operand, position, begin - offset
            elif offset <= start < offset + operand.positions * operand.head:
                position, first = divmod(start - offset, operand.head)
                assert first + length <= operand.head, f"{length} elements at {start} are of two positions"
                yield 0, length, operand, position, first

    def _index(self, offset: int, operand: StoredOperand) -> np.ndarray:
        return offset + np.arange(operand.positions)[:, None] * self.stride + np.arange(operand.head)

    @property
    def _dtype(self) -> np.dtype:
        """Type of the codes; those of the CIM array are int8."""
        operand = next(iter(self.operands.values()))
        return operand.format.dtype if isinstance(operand, NpeStored) else np.dtype(np.int8)

    def read(self, memory: np.ndarray) -> np.ndarray:
        """Return the buffer as flat codes."""
        values = np.zeros(self.elements, self._dtype)
        for offset, operand in self.operands.items():
            values[self._index(offset, operand)] = operand.read(memory)
        return values

    def write(self, memory: np.ndarray, values: np.ndarray) -> None:
        """Write the elements of the buffer."""
        for offset, operand in self.operands.items():
            operand.write(memory, values.ravel()[self._index(offset, operand)])


@dataclass(frozen=True, kw_only=True)
class InMemory:
    """A program, with the places of the program and of its input in main memory."""

    config: AcceleratorConfig
    memory: MemoryMap
    commands: Sequence[Command]
    program_address: int
    input: PaddedRows
    jobs: Mapping[int, Descriptor]
    """Jobs of the NPE, by the addresses of their descriptors."""

    @property
    def binary(self) -> bytes:
        """Bytes of the program in memory."""
        return encode_program(self.config, self.commands)

    def write_program(self, memory: np.ndarray) -> None:
        """Write the program's commands, and the descriptors of its jobs."""
        contents = {self.program_address: self.binary} | {at: job.encode() for at, job in self.jobs.items()}
        for address, content in contents.items():
            memory[address : address + len(content)] = np.frombuffer(content, np.uint8)

    def write_input(self, memory: np.ndarray, values: np.ndarray) -> None:
        """Write numbers, (rows, columns), as the input."""
        self.input.write(memory, values)


@dataclass(frozen=True, kw_only=True)
class Compiled(InMemory):
    """A program of steps, with the places of its data in main memory."""

    output: PaddedRows
    weights: Mapping[str, ConstantWeights | NpeConstant]
    constants: Mapping[str, PaddedRows]
    """Names of the other constants, and of states that are not weights."""
    stored: Mapping[str, StoredBuffer]
    states: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    """Tensors that have a place in the scratchpad."""

    def memory_image(
        self, constants: Mapping[str, np.ndarray], states: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        """Return the content of memory, uint8, up to the end of the memory map: constants, states (zeros), this
        program.

        Parameters
        ----------
        constants, states : mapping
            Contents of buffers as they are stored, in any shape. Packed keys, of 4 bits, of an odd number of positions
            cannot be added to.
        """
        memory = np.zeros(self.memory.next_page, np.uint8)
        for name, weights in self.weights.items():
            weights.write(memory, constants[name], constants[weights.scales] if weights.scales else None)
        for name in self.constants:
            if name in constants:
                self.write(memory, name, constants[name])
        for buffer in self.stored.values():
            for operand in buffer.operands.values():
                operand.prepare(memory)
        for name, values in (states or {}).items():
            self.write(memory, name, values)
        self.write_program(memory)
        return memory

    def write(self, memory: np.ndarray, name: str, values: np.ndarray) -> None:
        """Write a state, or a constant that is not a weight: its elements as they are stored."""
        if name in self.stored:
            self.stored[name].write(memory, values)
        else:
            place = self.constants[name]
            place.view(memory)[:] = np.asarray(values, place.storage.dtype).reshape(place.rows, place.columns)

    def read(self, memory: np.ndarray, name: str) -> np.ndarray:
        """Return the elements of a state, or of a constant that is not a weight, as they are stored; flat."""
        if name in self.stored:
            return self.stored[name].read(memory)
        return self.constants[name].view(memory).ravel()

    def read_output(self, memory: np.ndarray) -> np.ndarray:
        """Return the output, (rows, columns) float32."""
        return self.output.read(memory)
