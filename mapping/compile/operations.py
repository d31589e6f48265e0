"""Operations of a section: the work of its units for its steps, on tensors in the scratchpad that have no address
yet."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.commands import Command, Load, Store
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.widths import MAX_COUNT

from .allocation import Slots, Tensor
from .compiled import PaddedRows
from .npe_layout import JobRows
from .row_scalars import RowScalars
from .survey import Survey

IN_TURN = (Unit.STORE, Unit.NPE)
"""Units that write to main memory: their commands wait for each other."""


@dataclass
class Operation:
    """The work of one unit for a step."""

    operator: object
    """Operator of the step, or of the tensor that is loaded or stored."""
    unit: Unit
    commands: Callable[[], list[Command]]
    """Function that makes the commands when all tensors and row scalars have their places."""
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]
    cycles: Callable[[Command], int]
    """Function that returns the approximate cycles of one of the commands."""
    from_memory: tuple[str, ...] = ()
    """Names of buffers between steps that it reads in main memory."""
    to_memory: str = ""
    """Name of such a buffer that it writes there."""


@dataclass
class Operations:
    """Operations in the order of their commands, the tensors that they use, and the row scalars."""

    config: AcceleratorConfig
    survey: Survey
    lowered: Lowered
    """Steps in the order of their operations."""
    keep: bool
    """Whether constants stay in the scratchpad."""
    operations: list[Operation] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    scalars: RowScalars = field(default_factory=RowScalars)
    staging: dict[Matrix, tuple[Tensor, int]] = field(default_factory=dict)
    """Tensors of results of later steps that go to main memory, with the number of rows before those of the result."""
    jobs: list[Descriptor] = field(default_factory=list)
    """Jobs of the NPE, in the order of their descriptors in memory."""
    repeated: list[tuple[int, int]] = field(default_factory=list)
    """Operations that are repeated for each block of the cache: of each loop the first, and the one after the last."""
    _first_repeated: int = 0
    _in_memory: set[str] = field(default_factory=set)
    """Names of buffers between steps whose content is in main memory."""
    _only_in_memory: set[str] = field(default_factory=set)
    """Names of those whose content is not in the scratchpad."""
    _there: dict[tuple[str, int, int, int, int], Tensor] = field(default_factory=dict)
    """Tensors by name of buffer, their rows in it, the first and the one after the last, and their columns likewise."""

    def add(
        self,
        operator: object,
        unit: Unit,
        commands: Callable[[], list[Command]],
        reads: tuple[Tensor, ...],
        writes: tuple[Tensor, ...],
        cycles: Callable[[Command], int],
        *,
        from_memory: tuple[str, ...] = (),
        to_memory: str = "",
    ) -> None:
        """Add an operation after all others."""
        number = len(self.operations)
        self.operations.append(Operation(operator, unit, commands, reads, writes, cycles, from_memory, to_memory))
        for tensor in (*reads, *writes):
            tensor.use(number)

    def commands(self, first: int = 0, end: int | None = None) -> list[Command]:
        """Return the commands of all operations, or of some, when tensors and row scalars have their places."""
        return [
            command.changed(operator=operation.operator)
            for operation in self.operations[first:end]
            for command in operation.commands()
        ]

    # Loops over blocks of the cache.

    def begin_repeated(self) -> None:
        """Begin operations that are repeated for each block of the cache."""
        self._forget_states()
        self._first_repeated = len(self.operations)

    def end_repeated(self) -> None:
        """End operations that are repeated."""
        self._forget_states()
        self.repeated.append((self._first_repeated, len(self.operations)))

    def keep_what_is_repeated(self) -> None:
        """Let what comes into a loop, and is used there, stay to the end of the loop, for its next run."""
        for first, end in self.repeated:
            alive: list[Tensor | Slots] = [*self.tensors, *self.scalars.slots.values()]
            for each in alive:
                if each.first < first <= each.last < end:
                    each.last = end - 1

    def _forget_states(self) -> None:
        """Let states be loaded again before they are next read: another block has others."""
        self._there = {place: each for place, each in self._there.items() if not self.survey.kept(place[0])}

    # Tensors.

    def new_tensor(self, matrix: Matrix, rows: int, columns: int, room: int = 0, suffix: str = "") -> Tensor:
        """Return a new tensor for a matrix's buffer; its rows have ``columns`` elements, or room for ``room`` ones."""
        buffer = matrix.buffer
        size = buffer.storage.scratchpad_bytes
        pitch = self.survey.pitch(max(columns if not room else 0, room), size)
        self.tensors.append(Tensor(f"{buffer.name}{suffix}", rows, columns, size, pitch))
        return self.tensors[-1]

    def tensor(self, matrix: Matrix) -> Tensor:
        """Return the tensor of an activation."""
        buffer = matrix.buffer
        columns = self.survey.columns[buffer.name]
        rows = divide_up(buffer.elements, columns)
        place = (buffer.name, 0, rows, 0, columns)
        if place not in self._there:
            room = max(columns, self.survey.padded.get(buffer.name, 0))
            self._there[place] = self.new_tensor(matrix, rows, columns, room)
        return self._there[place]

    def resident(self, matrix: Matrix) -> Tensor:
        """Return the tensor of an activation that a step reads; load what a job has left in main memory."""
        name, tensor = matrix.buffer.name, self.tensor(matrix)
        if name in self._only_in_memory:
            self._only_in_memory.remove(name)
            self.load_rows(matrix, tensor, self.survey.job_rows[name])
        return tensor

    def written(self, matrix: Matrix) -> Tensor:
        """Return the tensor of an activation that a step writes; main memory no longer has the content."""
        name = matrix.buffer.name
        assert name not in self._only_in_memory, f"{name}: jobs and passes write parts of one buffer"
        self._in_memory.discard(name)
        return self.tensor(matrix)

    def left_in_memory(self, matrix: Matrix) -> None:
        """Note that a job writes an activation into main memory."""
        self._in_memory.add(matrix.buffer.name)
        self._only_in_memory.add(matrix.buffer.name)

    def bring_to_memory(self, matrix: Matrix) -> None:
        """Store an activation, that a job reads, in main memory unless it is there."""
        name = matrix.buffer.name
        if name in self._in_memory:
            return
        self._in_memory.add(name)
        tensor, place = self.tensor(matrix), self.survey.job_rows[name]
        self.store_rows(matrix, tensor, place.address, place.pitch, rows=tensor.rows)

    def load_rows(self, matrix: Matrix, tensor: Tensor, rows: JobRows) -> None:
        """Load all rows of a tensor that a job has left in main memory."""
        place = PaddedRows(rows.address, rows.rows, rows.columns, rows.pitch, rows.storage)
        self._load(matrix, tensor, place)

    def located(self, tensor: Tensor, matrix: Matrix, first_row: int = 0, first_column: int = 0) -> tuple[int, int]:
        """Return the offset of a matrix in its tensor and the distance of its rows, in bytes.

        Parameters
        ----------
        first_row, first_column : int
            Place of the tensor's first element in the buffer.

        Raises
        ------
        ConfigError
            If its rows are not at equal distances there.
        """
        row, column = divmod(matrix.offset, tensor.columns)
        offset = (row - first_row) * tensor.pitch + (column - first_column) * tensor.size
        if matrix.rows == 1 or matrix.stride == 0:
            return offset, 0
        if matrix.stride % tensor.columns == 0:
            return offset, matrix.stride // tensor.columns * tensor.pitch
        if column + (matrix.rows - 1) * matrix.stride + matrix.columns <= tensor.columns:
            return offset, matrix.stride * tensor.size
        raise ConfigError(f"{tensor.name}: rows of {matrix.stride} elements do not lie in rows of {tensor.columns}")

    # Main memory to scratchpad and back.

    def loaded(self, matrix: Matrix) -> tuple[Tensor, int, int]:
        """Return the tensor of a constant or a state, which is loaded if necessary, and its first row and column.

        Of a state, which has a row for each head, the rows and columns of the matrix are loaded alone; so are rows of
        the input, each time.
        """
        name = matrix.buffer.name
        place, kept, in_rows = self.survey.constants[name], self.survey.kept(name), name in self.survey.in_rows
        if kept or in_rows:
            first, last = self.survey.matrix_rows(matrix)
            left = matrix.offset % place.columns
            right = left + matrix.columns
            # A load begins at a word.
            left -= left % (self.config.word_bytes // place.storage.scratchpad_bytes)
        else:
            (first, last), left, right = self.survey.rows[name], 0, place.columns
        there = (name, first, last, left, right)
        if there not in self._there:
            tensor = self.new_tensor(matrix, last - first, place.columns, right - left)
            self._load(matrix, tensor, place, first, left)
            if in_rows or not (self.keep or kept):
                return tensor, first, left
            self._there[there] = tensor
        return self._there[there], first, left

    def forget(self, name: str) -> None:
        """Let a buffer be loaded again before it is next read, because main memory changes."""
        self._there = {place: tensor for place, tensor in self._there.items() if place[0] != name}

    def load_input(self) -> None:
        """Load the input from main memory, unless blocks of rows take their own."""
        if self.survey.in_rows:
            return
        source = self.lowered.input
        self._load(source, self.tensor(source), self.survey.input)

    def store_output(self) -> None:
        """Store the output in main memory, unless blocks of rows have stored their own.

        Raises
        ------
        ConfigError
            If it is only a part of a buffer.
        """
        if self.survey.in_rows:
            return
        matrix, place = self.lowered.output, self.survey.output
        tensor = self.resident(matrix)
        offset, pitch = self.located(tensor, matrix)
        if offset or pitch not in (0, tensor.pitch) or tensor.pitch % place.pitch:
            raise ConfigError(f"{matrix.buffer.name}: only a whole buffer can be the output")

        self.store_rows(matrix, tensor, place.address, place.pitch, rows=matrix.rows)

    def store_rows(self, matrix: Matrix, tensor: Tensor, address: int, stride: int, *, rows: int) -> None:
        """Store rows of a tensor in main memory, whole beats of each, from its first one on.

        What lies behind the elements of a row, in room for more of them, nobody may have written.
        """
        bus, elements = self.config.bus_bytes, self.survey.columns[matrix.buffer.name]

        def commands() -> list[Command]:
            return [
                Store(
                    size=bus.bit_length() - 1,
                    address=address,
                    count=divide_up(elements * tensor.size, bus),
                    rows=rows,
                    stride=stride,
                    source=tensor.address,
                    element_pitch=bus,
                    pitch=tensor.pitch,
                )
            ]

        self.add(
            matrix.buffer.operator, Unit.STORE, commands, (tensor,), (), transfer_cycles, to_memory=matrix.buffer.name
        )

    def _load(self, matrix: Matrix, tensor: Tensor, place: PaddedRows, row: int = 0, column: int = 0) -> None:
        """Load rows of a matrix's buffer from an element on, as many and as wide as the tensor has."""
        bus = self.config.bus_bytes
        address = place.address + row * place.pitch + column * tensor.size

        def commands() -> list[Command]:
            if tensor.rows == 1 or tensor.pitch == place.pitch:
                beats = tensor.rows * tensor.pitch // bus
                return [
                    Load(
                        address=address + start * bus,
                        beats=min(MAX_COUNT, beats - start),
                        destination=tensor.address + start * bus,
                    )
                    for start in range(0, beats, MAX_COUNT)
                ]
            return [
                Load(
                    address=address,
                    beats=tensor.pitch // bus,
                    rows=tensor.rows,
                    stride=place.pitch,
                    destination=tensor.address,
                    pitch=tensor.pitch,
                )
            ]

        name = matrix.buffer.name
        self.add(matrix.buffer.operator, Unit.LOAD, commands, (), (tensor,), transfer_cycles, from_memory=(name,))

    def estimate_uses(self) -> int:
        """Note approximately when tensors are used: units run operations in order, each when its tensors are there.

        Returns the cycle in which the last operation ends.
        """
        free = dict.fromkeys(Unit, 0)
        written: dict[Tensor, int] = {}
        used: dict[Tensor, int] = {}
        in_memory: dict[str, int] = {}
        for operation in self.operations:
            tensors = (*operation.reads, *operation.writes)
            units = IN_TURN if operation.unit in IN_TURN else (operation.unit,)
            begin = max(free[unit] for unit in units)
            begin = max(begin, *(in_memory.get(name, 0) for name in operation.from_memory), 0)
            begin = max(begin, *(written.get(tensor, 0) for tensor in tensors), 0)
            begin = max(begin, *(used.get(tensor, 0) for tensor in operation.writes), 0)
            end = begin + sum(operation.cycles(command) for command in operation.commands())
            free |= dict.fromkeys(units, end)
            if operation.to_memory:
                in_memory[operation.to_memory] = end
            for writes, tensors in enumerate((operation.reads, operation.writes)):
                for tensor in tensors:
                    tensor.uses.append((begin, end, operation.unit, bool(writes)))
                    if writes:
                        written[tensor] = end
                    used[tensor] = max(used.get(tensor, 0), end)
        return max(free.values())


def transfer_cycles(command: Command) -> int:
    """Return the approximate cycles of a load or a store."""
    if isinstance(command, Load):
        return command.all_beats
    assert isinstance(command, Store)
    return command.count * command.rows * command.planes
