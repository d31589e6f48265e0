"""Survey of a program's buffers: the use of each, and its place in main memory."""

from collections.abc import Callable

from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.steps import Matrix

from .compiled import ConstantWeights, PaddedRows, StoredBuffer
from .engines.engine import Engines
from .memory_map import MemoryMap
from .npe_layout import JobRows, NpeConstant


class Survey:
    """Use of every buffer, and the buffers that have a place in main memory."""

    def __init__(
        self,
        config: AcceleratorConfig,
        engines: Engines,
        lowered: Lowered,
        memory_of: Callable[[str], MemoryMap],
        carried: tuple[PaddedRows, PaddedRows] | None = None,
    ):
        """Take ``memory_of`` for the places of buffers, and ``carried`` for those of input and output."""
        self.config, self.engines, self.lowered, self.memory_of = config, engines, lowered, memory_of
        self.columns: dict[str, int] = {}
        """Number of elements in a row of a buffer."""
        self.padded: dict[str, int] = {}
        """Number of elements for which a row must have room, where it exceeds the columns."""
        self.rows: dict[str, tuple[int, int]] = {}
        """Rows of a constant that are used: the first row, and the row after the last."""
        self.weights: dict[str, ConstantWeights | NpeConstant] = {}
        self.constants: dict[str, PaddedRows] = {}
        self.stored: dict[str, StoredBuffer] = {}
        self.job_rows: dict[str, JobRows] = {}
        """Matrices in main memory that jobs of the NPE exchange with each other and with passes."""
        self.recoded: dict[Matrix, JobRows] = {}
        """Rows for new positions of a cache, which a job has made and which are still to be stored there."""
        self.in_rows = {each.buffer.name for each in (lowered.input, lowered.output)} if lowered.blocks else set[str]()
        """Input and output of steps that take blocks of rows: they lie in main memory."""
        self.jobs_address = self.zeros_address = 0
        """Addresses of the descriptors of all jobs, and of a beat of zeros."""
        for engine in engines.all:
            engine.place_operands([step for step in lowered.steps if engines.of(step) is engine], self)
        self._matrices()
        self._constants_and_states()
        for engine in engines.all:
            engine.place_results([step for step in lowered.steps if engines.of(step) is engine], self)
        self.input, self.output = carried or (
            self.matrix_place("input", lowered.input),
            self.matrix_place("output", lowered.output),
        )
        for matrix, place in ((lowered.input, self.input), (lowered.output, self.output)):
            if matrix.buffer.name in self.in_rows:
                self.constants[matrix.buffer.name] = place

    def kept(self, name: str) -> bool:
        """Return whether a buffer is a state of the vector unit: a row of scales for each head."""
        return name in self.lowered.states and name not in self.stored

    def matrix_rows(self, matrix: Matrix) -> tuple[int, int]:
        """Return the number of the first row of its buffer that a matrix lies in, and of the row after the last."""
        columns = self.columns[matrix.buffer.name]
        return matrix.offset // columns, (matrix.offset + (matrix.rows - 1) * matrix.stride) // columns + 1

    def pitch(self, columns: int, size: int) -> int:
        """Return the size of a row of whole words in bytes."""
        word = self.config.word_bytes
        return divide_up(columns * size, word) * word

    def _matrices(self) -> None:
        for step in self.lowered.steps:
            engine = self.engines.of(step)
            for matrix in (*engine.operands(step), *engine.memory_operands(step), step.out):
                if matrix is None:
                    continue
                name = matrix.buffer.name
                if self.kept(name):
                    self.columns[name] = matrix.buffer.elements // matrix.buffer.parts
                else:
                    row = self.lowered.cut_rows.get(name, 0)
                    self.columns[name] = max(self.columns.get(name, 0), matrix.stride, matrix.columns, row)
        for step in self.lowered.steps:
            for matrix in self.engines.of(step).operands(step):
                if matrix.buffer.name in self.lowered.constants:
                    self._use_rows(matrix)

    def _use_rows(self, matrix: Matrix) -> None:
        name = matrix.buffer.name
        first, last = self.matrix_rows(matrix)
        before = self.rows.get(name, (first, last))
        self.rows[name] = min(before[0], first), max(before[1], last)

    def _constants_and_states(self) -> None:
        for name in (*self.lowered.constants, *self.lowered.states):
            if name in self.weights or name in self.stored or name not in self.columns:
                continue
            buffer = self.lowered.buffers[name]
            columns = self.columns[name]
            rows, size = buffer.elements // columns, buffer.storage.scratchpad_bytes
            pitch = self.pitch(columns, size)
            # Rows without gaps are the same whatever their length is taken for.
            layout = ("rows", buffer.storage.name) + (() if pitch == columns * size else (columns,))
            place = self.memory_of(name).place(name, rows * pitch, layout)
            self.constants[name] = PaddedRows(place.address, rows, columns, pitch, buffer.storage)

    def matrix_place(self, name: str, matrix: Matrix) -> PaddedRows:
        """Return a new place for a whole buffer."""
        columns = self.columns[matrix.buffer.name]
        pitch = self.pitch(columns, matrix.storage.scratchpad_bytes)
        place = self.memory_of(name).new(name, matrix.rows * pitch)
        return PaddedRows(place.address, matrix.rows, columns, pitch, matrix.storage)
