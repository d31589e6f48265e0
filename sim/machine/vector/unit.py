"""Exact model of the vector unit: the results of its commands, and the cycle in which each ends."""

import numpy as np

from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.formats.stored import FP32
from tilewright.sim.isa.depths import INTERVAL, START
from tilewright.sim.isa.vector_command import (
    Function,
    Inverse,
    Matrix,
    Reduce,
    Storage,
    VectorCommand,
    VectorError,
)

from .matrix import matrix_view
from .values import operand, run_pass


def pass_cycles(
    config: VectorConfig, rows: int, columns: int, *, reduce: Reduce = Reduce.NONE, inverse: bool = False
) -> int:
    """Return the cycles from the acceptance of a command to the acceptance of the next one.

    Each row takes a cycle a step of ``lanes`` columns, and no less than ``INTERVAL`` of them if it is reduced; then the
    last step's results are on their way.
    """
    period = divide_up(columns, config.lanes)
    if not reduce:
        tail = config.latency_cycles
    else:
        period = max(period, INTERVAL)
        tail = config.value_latency + (config.sum_latency if reduce == Reduce.SUM else config.maximum_latency)
        tail += config.inverse_latency if inverse else config.linear_latency
    return START + rows * period + tail


def command_cycles(config: VectorConfig, command: VectorCommand) -> int:
    """Return :func:`pass_cycles` of a command that is not refused."""
    inverse = command.inverse != Inverse.NONE
    return pass_cycles(config, command.rows, command.columns, reduce=command.reduce, inverse=inverse)


class VectorModel:
    """A vector unit with its scratchpad.

    Parameters
    ----------
    config : VectorConfig
    memory : ndarray of uint8
        The scratchpad, which commands read and change.
    """

    def __init__(self, config: VectorConfig, memory: np.ndarray):
        self.config, self.memory = config, memory
        self.linear = np.zeros(config.scalars, np.float32)
        self.inverse = np.zeros(config.scalars, np.float32)
        self.error = VectorError.NONE
        """Reason why the last command was refused."""

    def run(self, command: VectorCommand) -> int:
        """Run a command; return the cycles until the next one can be taken.

        One that is refused leaves nothing behind but ``error``.
        """
        self.error = refusal(self.config, command)
        if self.error:
            return START
        rows, columns = command.rows, command.columns
        factors = self.inverse if command.multiply_inverse else self.linear
        result = run_pass(
            command,
            self._read(command.a, rows, columns),
            lanes=self.config.lanes,
            output=FP32 if command.d is None else command.d.storage.format,
            add=self._slots(self.linear, command.add, rows),
            multiply=self._slots(factors, command.multiply, rows),
            b=None if command.b is None else self._read(command.b, rows, columns),
            c=None if command.c is None else self._read(command.c, rows, columns),
        )
        if command.d is not None:
            self._write(command.d, result.codes, scatter=command.scatter)
        places = slice(command.out, command.out + rows)
        if result.linear is not None:
            self.linear[places] = result.linear
        if result.inverse is not None:
            self.inverse[places] = result.inverse
        return command_cycles(self.config, command)

    def _slots(self, file: np.ndarray, slot: int | None, rows: int) -> np.ndarray | None:
        return None if slot is None else file[slot : slot + rows]

    def _read(self, matrix: Matrix, rows: int, columns: int) -> np.ndarray:
        codes = stored(self.config, self.memory, matrix, rows, columns)
        return operand(matrix.storage.format, codes)

    def _write(self, matrix: Matrix, codes: np.ndarray, *, scatter: bool) -> None:
        if scatter:
            matrix_view(self.memory.view(np.uint32), matrix.address, len(codes), 1, matrix.stride)[:] = codes
            return
        # The last step of a row is written whole.
        codes = np.pad(codes, ((0, 0), (0, -codes.shape[1] % self.config.lanes)))
        stored(self.config, self.memory, matrix, *codes.shape)[:] = codes


def stored(config: VectorConfig, memory: np.ndarray, matrix: Matrix, rows: int, columns: int) -> np.ndarray:
    """Return a view of a matrix as it lies in a scratchpad, uint8."""
    offset, stride = (value * config.lanes >> matrix.storage.size for value in (matrix.address, matrix.stride))
    return matrix_view(memory.view(matrix.storage.format.dtype), offset, rows, columns, stride)


def refusal(config: VectorConfig, command: VectorCommand) -> VectorError:
    """Return the reason why a command is refused, or ``NONE``."""
    rows, columns, reduced = command.rows, command.columns, command.reduce != Reduce.NONE
    steps = divide_up(columns, config.lanes)
    scattered = command.d if command.scatter else None
    in_steps = [m for m in (command.a, command.b, command.c, None if scattered else command.d) if m is not None]
    whole = (Storage.INT8, Storage.INT32)
    reads = [slot for slot in (command.add, command.multiply) if slot is not None]
    writes = [command.out] if reduced else []
    reasons = {
        VectorError.SIZE: not (rows and columns),
        VectorError.CODE: (command.b is not None and command.b.storage in whole)
        or (command.c is not None and command.c.storage in whole)
        or (command.d is not None and command.d.storage is Storage.INT32)
        or (command.scatter and (command.d is None or command.d.storage is not Storage.FP32 or columns != 1))
        or command.function > max(Function)
        or command.inverse > max(Inverse),
        VectorError.EMPTY: command.d is None and not reduced,
        VectorError.ALIGNMENT: any(
            (matrix.address | matrix.stride) & ((1 << matrix.storage.size) - 1) for matrix in in_steps
        ),
        VectorError.RANGE: any(
            matrix.address + (rows - 1) * matrix.stride + (steps << matrix.storage.size) > 1 << config.address_bits
            for matrix in in_steps
        )
        or (
            scattered is not None
            and scattered.address + (rows - 1) * scattered.stride >= 1 << config.element_address_bits
        ),
        VectorError.SLOT: any(slot + rows > config.scalars for slot in reads + writes)
        or any(read < written < read + rows for read in reads for written in writes),
        VectorError.ROTATE: bool(command.rotate and columns % (2 * command.rotate)),
    }
    return next((error for error, found in reasons.items() if found), VectorError.NONE)
