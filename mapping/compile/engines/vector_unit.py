"""The vector unit as an engine: passes over matrices in the scratchpad, with row scalars."""

from dataclasses import dataclass
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.allocation import Slots, Tensor
from tilewright.mapping.compile.operations import Operations
from tilewright.mapping.compile.staging import is_staged, staging_tensor, store_result
from tilewright.sim.config.cim import divide_up
from tilewright.sim.formats import stored
from tilewright.sim.isa.commands import Command, Vector
from tilewright.sim.isa.fields import bits_float, float_bits
from tilewright.sim.isa.steps import Matrix, Pass, Step
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.vector_command import Matrix as VectorMatrix
from tilewright.sim.isa.vector_command import Reduce, Storage, VectorCommand
from tilewright.sim.machine.vector.unit import command_cycles, pass_cycles

from .engine import Engine

REDUCED_ROW_CYCLES = 5
"""Minimum number of cycles from a row of a reduction to the next."""


@dataclass
class _Operand:
    """A matrix of a pass in the scratchpad."""

    matrix: Matrix
    tensor: Tensor
    offset: int
    """Bytes from the beginning of the tensor to the matrix."""
    stride: int
    """Bytes from a row to the next."""


class VectorUnit(Engine):
    """Runs passes. Constants and row scalars of the cache are loaded; results that are states are stored."""

    NAME = "vector unit"

    def runs(self, step: Step) -> bool:
        return isinstance(step, Pass)

    def refusal(self, step: Step) -> str | None:
        assert isinstance(step, Pass)
        half, lanes = step.options.rotate, self.config.vector.lanes
        if half and (half % lanes or half // lanes & (half // lanes - 1)):
            return (
                f"{step.a.buffer.name}: half a rotary block has {half} columns: it must be {lanes} lanes times a power "
                "of two"
            )
        return None

    def operands(self, step: Step) -> tuple[Matrix, ...]:
        assert isinstance(step, Pass)
        return tuple(matrix for matrix in (step.a, step.b, step.c) if matrix is not None)

    def cycles(self, step: Step) -> int:
        assert isinstance(step, Pass)
        rows, columns = step.a.rows, step.a.columns
        period = divide_up(columns, self.config.vector.lanes)
        longer = max(REDUCED_ROW_CYCLES, period) - period if step.options.reduce != Reduce.NONE else 0
        return pass_cycles(self.config.vector, rows, columns) + rows * longer

    def emit(self, step: Step, operations: Operations) -> None:
        assert isinstance(step, Pass)
        survey, lanes = operations.survey, self.config.vector.lanes
        operands = {
            name: self._operand(matrix, operations) for name in "abc" if (matrix := getattr(step, name)) is not None
        }
        tensors = [operand.tensor for operand in operands.values()]
        for tensor in tensors:
            tensor.apart.update(other for other in tensors if other is not tensor)
        if len(set(tensors)) < len(tensors):
            raise ConfigError(f"{tensors[0].name}: is read twice by a pass")
        staged = step.out is not None and is_staged(survey, step.out)
        scatter, before = False, 0
        if step.out is not None:
            out = step.out
            # Rows of single numbers, anywhere in a tensor, are written without the rest of their steps.
            scatter = out.columns == 1 and out.storage == stored.FP32
            if staged:
                staging, before = staging_tensor(operations, out, scatter)
                del operations.staging[out]
                pitch = staging.size if scatter else staging.pitch
                operands["d"] = _Operand(out, staging, before * staging.pitch, pitch)
            else:
                tensor = operations.written(out)
                operands["d"] = _Operand(out, tensor, *operations.located(tensor, out))
                if not scatter:
                    self._check_last_step(tensor, out, operations)
        number = len(operations.operations)
        scalars = {
            "add": operations.scalars.read(step.add, number),
            "multiply": operations.scalars.read(step.multiply, number),
            "out": operations.scalars.written(step, number),
        }
        inverse = operations.scalars.is_inverse(step.multiply)
        for name, operand in operands.items():
            size = operand.tensor.size
            for value in (operand.offset, operand.stride):
                if value % (size if name == "d" and scatter else lanes * size):
                    raise ConfigError(
                        f"{operand.tensor.name}: byte {value} is not the begin of a step of {lanes} lanes"
                    )

        def commands() -> list[Command]:
            return [Vector(command=self._command(step, operands, scatter, scalars, inverse))]

        written = (operands["d"].tensor,) if step.out is not None else ()
        operations.add(step.operator, Unit.VECTOR, commands, tuple(tensors), written, self._command_cycles)
        if staged and step.out is not None:
            store_result(operations, step.out, operands["d"].tensor, before)

    def _operand(self, matrix: Matrix, operations: Operations) -> _Operand:
        """Return the place of a matrix that is read, and load it if it is a constant or a state."""
        in_memory = matrix.buffer.name in operations.survey.constants
        tensor, *first = operations.loaded(matrix) if in_memory else (operations.resident(matrix), 0, 0)
        return _Operand(matrix, tensor, *operations.located(tensor, matrix, *first))

    def _check_last_step(self, tensor: Tensor, matrix: Matrix, operations: Operations) -> None:
        """Check that the zeros after the end of a row overwrite nothing.

        Raises
        ------
        ConfigError
            If they do.
        """
        lanes = self.config.vector.lanes
        if matrix.columns % lanes == 0 or matrix.buffer.name in operations.survey.lowered.with_gaps:
            return
        if matrix.offset % tensor.columns + matrix.columns < tensor.columns or 0 < matrix.stride < tensor.columns:
            raise ConfigError(
                f"{tensor.name}: {matrix.columns} columns end within a step of {lanes} lanes, which is written whole"
            )

    def _command(
        self,
        step: Pass,
        operands: dict[str, _Operand],
        scatter: bool,
        scalars: dict[str, tuple[Slots, int] | None],
        inverse: bool,
    ) -> VectorCommand:
        options: dict[str, Any] = vars(step.options).copy()
        for name in ("scale", "offset"):
            options[name] = bits_float(float_bits(options[name]))

        def matrix(name: str) -> VectorMatrix | None:
            if name not in operands:
                return None
            operand = operands[name]
            unit = 4 if name == "d" and scatter else self.config.vector.lanes
            storage = Storage.of(operand.matrix.storage.written)
            return VectorMatrix(
                address=(operand.tensor.address + operand.offset) // unit,
                stride=operand.stride // unit,
                storage=storage,
            )

        slots = {name: None if found is None else found[0].slot + found[1] for name, found in scalars.items()}
        a = matrix("a")
        assert a is not None
        return VectorCommand(
            rows=step.a.rows,
            columns=step.a.columns,
            a=a,
            b=matrix("b"),
            c=matrix("c"),
            d=matrix("d"),
            scatter=scatter,
            add=slots["add"],
            multiply=slots["multiply"],
            multiply_inverse=inverse,
            out=slots["out"] or 0,
            **options,
        )

    def _command_cycles(self, command: Command) -> int:
        """Return the cycles of a command of the vector unit."""
        assert isinstance(command, Vector)
        return command_cycles(self.config.vector, command.command)
