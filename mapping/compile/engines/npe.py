"""The NPE as an engine: jobs, whose operands and results lie in main memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiled import StoredBuffer
from tilewright.mapping.compile.npe_layout import JobRows, NpeConstant, NpeStored, Place, row_bytes
from tilewright.mapping.compile.operations import Operations
from tilewright.mapping.compile.staging import staging_tensor, store_result
from tilewright.mapping.compile.survey import Survey
from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import stored
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.commands import Command, Jobs
from tilewright.sim.isa.descriptor import Along, Descriptor
from tilewright.sim.isa.steps import Job, Matrix, Recode, Step
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES, MAX_DIMENSION

from .engine import Engine

OVERHEAD_CYCLES = 200
"""Approximate cycles of a job besides those of its products: descriptor, first operands, last results."""

ZEROS = "zeros"
"""Name of a beat of zeros in memory, which jobs without a product multiply."""


@dataclass
class _JobFields:
    """Fields of a descriptor that a step has in common with others."""

    name: str
    bus: int
    fields: dict[str, Any]

    def address(self, field: str, place: Place, stride: str = "") -> None:
        """Add an address and the distance of rows.

        Raises
        ------
        ConfigError
            If they are no multiples of a beat.
        """
        for what, value in (("begins at", place[0]), ("has rows at distances of", place[1] if stride else 0)):
            if value % self.bus:
                raise ConfigError(
                    f"{self.name}: {field} {what} byte {value}, and the NPE takes multiples of {self.bus} bytes"
                )
        self.fields[field] = place[0]
        if stride:
            self.fields[stride] = place[1]


class Npe(Engine):
    """Runs jobs. Operands that passes make are stored in memory before a job, results are loaded when a pass reads
    them; constants and caches lie in memory as the NPE reads them."""

    NAME = "NPE"

    def runs(self, step: Step) -> bool:
        return isinstance(step, Job | Recode)

    def refusal(self, step: Step) -> str | None:
        assert isinstance(step, Job | Recode)
        npe, name = self.config.npe, step.out.buffer.name
        if npe is None:
            return f"{name}: a job needs an NPE, and the accelerator has none"
        formats = {matrix.storage for matrix in (step.a, step.out)}
        for mode in (stored.npe_mode(each) for each in formats):
            if mode not in npe.modes:
                names = ", ".join(each.label for each in npe.modes)
                return f"{name}: {mode.label} is no format of the NPE, whose modes are {names}"
        if max(step.a.rows, step.a.columns, step.out.columns) > MAX_DIMENSION:
            return f"{name}: {step.a.rows} x {step.a.columns} x {step.out.columns} is more than {MAX_DIMENSION}"
        return None

    def operands(self, step: Step) -> tuple[Matrix, ...]:
        return ()

    def memory_operands(self, step: Step) -> tuple[Matrix, ...]:
        return tuple(each for each in step.reads if isinstance(each, Matrix))

    def cycles(self, step: Step) -> int:
        assert isinstance(step, Job | Recode)
        npe = self._npe
        rows, columns = divide_up(step.out.rows, npe.rows), divide_up(step.out.columns, npe.columns)
        words = npe.words(stored.npe_mode(step.a.storage), step.a.columns) if isinstance(step, Job) else 1
        return OVERHEAD_CYCLES + rows * columns * max(words, min(step.out.rows, npe.rows) * npe.columns)

    @property
    def _npe(self) -> NpeConfig:
        assert self.config.npe is not None
        return self.config.npe

    # Places in main memory.

    def place_operands(self, steps: Sequence[Step], survey: Survey) -> None:
        cached: dict[str, Job] = {}
        for step in steps:
            if not isinstance(step, Job):
                continue
            name = step.weights.buffer.name
            if name in survey.lowered.constants:
                survey.weights[name] = self._constant(step, survey)
            elif name in survey.lowered.states:
                cached[name] = step
        for name, step in cached.items():
            survey.stored[name] = self._stored(name, step, survey)

    def _constant(self, step: Job, survey: Survey) -> NpeConstant:
        buffer, k, storage = step.weights.buffer, step.weights.rows, step.weights.storage
        n, pitch = buffer.elements // k, row_bytes(self.config, k, storage)
        layout = ("npe", k, n, storage.name)
        place = survey.memory_of(buffer.name).place(buffer.name, n * pitch, layout)
        return NpeConstant(place.address, k, n, pitch, storage)

    def _stored(self, name: str, step: Job, survey: Survey) -> StoredBuffer:
        matrix = step.weights
        head, buffer = matrix.columns, matrix.buffer
        positions = buffer.elements // buffer.parts // head
        one = NpeStored(self.config, 0, positions, head, step.transposed, matrix.storage)
        layout = ("npe", positions, head, int(step.transposed), matrix.storage.name, buffer.parts)
        place = survey.memory_of(name).place(name, buffer.parts * one.bytes, layout)
        operands = {
            part * positions * head: NpeStored(
                self.config, place.address + part * one.bytes, positions, head, step.transposed, matrix.storage
            )
            for part in range(buffer.parts)
        }
        return StoredBuffer(buffer.elements, head, operands)

    def place_results(self, steps: Sequence[Step], survey: Survey) -> None:
        values = {step.weights.buffer.name for step in steps if isinstance(step, Job) and not step.transposed}
        for step in steps:
            matrices = [*self.memory_operands(step), *([step.out] if step.out else [])]
            for matrix in matrices:
                name = matrix.buffer.name
                if name in survey.lowered.constants or name in survey.job_rows:
                    continue
                if name not in survey.lowered.states:
                    columns = survey.columns[name]
                    rows = divide_up(matrix.buffer.elements, columns)
                    survey.job_rows[name] = self._rows(survey, matrix, rows, columns, name in values)
                elif isinstance(step, Recode):
                    survey.recoded[step.out] = self._rows(survey, matrix, matrix.rows, matrix.columns, False)
        if steps:
            place = survey.memory_of("jobs").new("jobs", len(steps) * DESCRIPTOR_BYTES)
            survey.jobs_address = place.address
            survey.zeros_address = survey.memory_of(ZEROS).place(ZEROS, self._npe.bus_bytes).address

    def _rows(self, survey: Survey, matrix: Matrix, rows: int, columns: int, transposed: bool) -> JobRows:
        """Return a new place of a matrix between steps."""
        lines, line = (columns, rows) if transposed else (rows, columns)
        pitch = row_bytes(self.config, line, matrix.storage)
        if matrix.storage.bits >= 8:
            # What the scratchpad holds as well has rows of whole words.
            room = max(line, survey.padded.get(matrix.buffer.name, 0))
            pitch = max(pitch, survey.pitch(room, matrix.storage.scratchpad_bytes))
        pitch = divide_up(pitch, self._npe.bus_bytes) * self._npe.bus_bytes
        name = f"between.{matrix.buffer.name}"
        place = survey.memory_of(name).new(name, lines * pitch)
        return JobRows(place.address, rows, columns, pitch, matrix.storage, transposed)

    # Commands.

    def emit(self, step: Step, operations: Operations) -> None:
        assert isinstance(step, Job | Recode)
        for matrix in self.memory_operands(step):
            if matrix.buffer.name in operations.survey.job_rows:
                operations.bring_to_memory(matrix)
        descriptor = self._descriptor(step, operations.survey)
        address = operations.survey.jobs_address + len(operations.jobs) * DESCRIPTOR_BYTES
        operations.jobs.append(descriptor)
        cycles = self.cycles(step)

        def commands() -> list[Command]:
            return [Jobs(address=address, count=1)]

        reads = tuple(matrix.buffer.name for matrix in self.memory_operands(step))
        operations.add(
            step.operator, Unit.NPE, commands, (), (), lambda _: cycles, from_memory=reads,
            to_memory=step.out.buffer.name,
        )  # fmt: skip
        if step.out in operations.survey.recoded:
            self._store_recoded(step.out, operations)
        else:
            operations.left_in_memory(step.out)

    def _fold(self, fields: dict[str, Any]) -> None:
        """Take a row that is recoded as several shorter rows, so that output tiles are as high as the array."""
        bits = Mode(fields["out_format"]).bits, Mode(fields["residual_format"]).bits
        if fields["m"] > 1 or fields["transpose"]:
            return
        rows: int = self._npe.rows
        while rows > 1 and any(fields["n"] * width % (8 * rows * self._npe.bus_bytes) for width in bits):
            rows //= 2
        if rows == 1:
            return
        columns = fields["n"] // rows
        fields |= {"m": rows, "n": columns}
        fields |= {
            name: columns * width // 8 for name, width in zip(("c_stride", "residual_stride"), bits, strict=True)
        }

    def _store_recoded(self, out: Matrix, operations: Operations) -> None:
        """Move new positions of a cache from where a job has left them to their places."""
        staging, before = staging_tensor(operations, out)
        del operations.staging[out]
        assert not before
        operations.load_rows(out, staging, operations.survey.recoded[out])
        store_result(operations, out, staging, 0)

    def _descriptor(self, step: Job | Recode, survey: Survey) -> Descriptor:
        """Return the job of a step."""
        out_mode, out = stored.npe_mode(step.out.storage), step.out
        job = _JobFields(
            out.buffer.name, self._npe.bus_bytes, {"m": out.rows, "n": out.columns, "out_format": out_mode}
        )
        rows = survey.recoded.get(out) or survey.job_rows[out.buffer.name]
        job.address("c", rows.place(out) if out not in survey.recoded else (rows.address, rows.pitch), "c_stride")
        job.fields["transpose"] = int(rows.transposed)
        residual = step.a if isinstance(step, Recode) else step.residual
        if residual:
            job.fields |= {"residual": 1, "residual_format": stored.npe_mode(residual.storage)}
            job.address("residual_address", survey.job_rows[residual.buffer.name].place(residual), "residual_stride")
        if isinstance(step, Recode):
            self._fold(job.fields)
            # The sum is one product of zeros, whose codes are 0 in every format.
            job.fields |= {"mode": out_mode, "k": 1}
            for operand in ("a", "b"):
                job.address(operand, (survey.zeros_address, 0), f"{operand}_stride")
            return Descriptor(**job.fields)
        job.fields |= {"mode": stored.npe_mode(step.a.storage), "k": step.a.columns, "activation": step.activation}
        job.address("a", survey.job_rows[step.a.buffer.name].place(step.a), "a_stride")
        job.address("b", _weights(step, survey), "b_stride")
        for field, matrix in (("scale", step.scale), ("bias", step.bias)):
            if matrix:
                job.fields[field] = Along.COLUMN
                job.address(f"{field}_address", _vector(matrix, survey))
        return Descriptor(**job.fields)


def _weights(step: Job, survey: Survey) -> Place:
    """Return the place of a job's weights: a constant, a cache, or the result of other steps."""
    matrix, name = step.weights, step.weights.buffer.name
    if name in survey.weights:
        constant = survey.weights[name]
        assert isinstance(constant, NpeConstant)
        return constant.place(matrix)
    if name in survey.stored:
        operand, position = survey.stored[name].operand(matrix.offset)
        assert isinstance(operand, NpeStored)
        return operand.place(position)
    return survey.job_rows[name].place(matrix)


def _vector(matrix: Matrix, survey: Survey) -> Place:
    """Return the place of a number for each column: a constant, scales of a cache, or the result of other steps."""
    name = matrix.buffer.name
    if name in survey.job_rows:
        return survey.job_rows[name].place(matrix)
    place = survey.constants[name]
    row, column = divmod(matrix.offset, place.columns)
    return place.address + row * place.pitch + place.storage.scratchpad_bytes * column, 0
