"""Steps as operations of the accelerator's units on tensors in the scratchpad."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.formats import stored
from tilewright.sim.isa.commands import Command, Load, Store, Vector
from tilewright.sim.isa.commands import Product as ProductCommand
from tilewright.sim.isa.fields import bits_float, float_bits
from tilewright.sim.isa.steps import Matrix, Pass, Product, Scalars, Step
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.vector_command import Matrix as VectorMatrix
from tilewright.sim.isa.vector_command import Storage, VectorCommand
from tilewright.sim.machine.cim.array import block_limits

from .allocation import Slots, Tensor
from .compiled import PaddedRows
from .reorder import command_cycles
from .stores import row_pieces, stored_commands
from .survey import Survey
from .weight_layout import weights_commands

LOADED_AHEAD = 1
"""Products to come before a pass whose constants are loaded already."""


@dataclass
class _Operation:
    """What one unit does for a step."""

    operator: object
    """Operator to which the tensor belongs that it fills, or else reads."""
    unit: Unit
    commands: Callable[[], list[Command]]
    """To be called when all have their places."""
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]


@dataclass
class Translation:
    """Operations for all steps, the tensors that they use, and the row scalars."""

    config: AcceleratorConfig
    survey: Survey
    lowered: Lowered
    """In the order of the operations."""
    keep: bool
    """Constants stay in the scratchpad."""
    operations: list[_Operation] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    slots: dict[str, Slots] = field(default_factory=dict)
    _there: dict[str, Tensor] = field(default_factory=dict)
    """Tensors by name of buffer."""
    _slots_of: dict[str, Slots] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lowered = self.lowered
        self._load(self._tensor(lowered.input), self.survey.input, 0)
        for place, step in enumerate(lowered.steps):
            if isinstance(step, Product):
                self._load_ahead(lowered.steps[place + 1 :])
                self._multiply(step)
            else:
                self._pass(step)
        self._store_output(lowered.output)
        self._estimate()

    def _estimate(self) -> None:
        """Note when tensors are used, about: units run their operations in order, each when its tensors are there."""
        free = dict.fromkeys(Unit, 0)
        written: dict[Tensor, int] = {}
        used: dict[Tensor, int] = {}
        for operation in self.operations:
            those = (*operation.reads, *operation.writes)
            begin = max(free[operation.unit], *(written.get(each, 0) for each in those))
            begin = max(begin, *(used.get(each, 0) for each in operation.writes), 0)
            end = begin + sum(command_cycles(self.config, each) for each in operation.commands())
            free[operation.unit] = end
            for write, tensors in enumerate((operation.reads, operation.writes)):
                for tensor in tensors:
                    tensor.uses.append((begin, end, operation.unit, bool(write)))
                    if write:
                        written[tensor] = end
                    used[tensor] = max(used.get(tensor, 0), end)

    def commands(self) -> list[Command]:
        """Return the commands of all operations, when tensors and row scalars have their places."""
        return [
            replace(command, operator=operation.operator)  # type: ignore[arg-type]
            for operation in self.operations
            for command in operation.commands()
        ]

    def _operation(
        self, unit: Unit, commands: Callable[[], list[Command]], reads: tuple[Tensor, ...], writes: tuple[Tensor, ...]
    ) -> None:
        number = len(self.operations)
        operator = (*writes, *reads)[0].operator
        self.operations.append(_Operation(operator, unit, commands, reads, writes))
        for tensor in (*reads, *writes):
            tensor.use(number)

    def _new_tensor(self, matrix: Matrix, rows: int, columns: int, room: int = 0, suffix: str = "") -> Tensor:
        buffer = matrix.buffer
        size = buffer.storage.scratchpad_bytes
        pitch = self.survey.pitch(max(columns if not room else 0, room), size)
        self.tensors.append(Tensor(f"{buffer.name}{suffix}", rows, columns, size, pitch, buffer.operator))
        return self.tensors[-1]

    def _tensor(self, matrix: Matrix) -> Tensor:
        """Return the tensor of an activation."""
        buffer = matrix.buffer
        if buffer.name not in self._there:
            columns = self.survey.columns[buffer.name]
            rows = divide_up(buffer.elements, columns)
            room = max(columns, self.survey.padded.get(buffer.name, 0))
            self._there[buffer.name] = self._new_tensor(matrix, rows, columns, room)
        return self._there[buffer.name]

    def _load_ahead(self, steps: Sequence[Step]) -> None:
        """Load the constants of what comes before the next product but one: behind its weights they would come late."""
        products = 0
        for step in steps if self.keep else ():
            products += isinstance(step, Product)
            if products > LOADED_AHEAD:
                return
            if isinstance(step, Pass):
                for matrix in (step.a, step.b, step.c):
                    if matrix is not None and matrix.buffer.name in self.lowered.constants:
                        self._loaded(matrix)

    # Memory to scratchpad and back.

    def _load(self, tensor: Tensor, place: PaddedRows, first: int) -> None:
        """Load rows of memory, from one on; as many and as wide as the tensor."""
        bus = self.config.bus_bytes
        address = place.address + first * place.pitch

        def commands() -> list[Command]:
            if tensor.rows == 1 or tensor.pitch == place.pitch:
                beats = tensor.rows * tensor.pitch // bus
                return [
                    Load(
                        address=address + start * bus,
                        beats=min(0xFFFF, beats - start),
                        destination=tensor.address + start * bus,
                    )
                    for start in range(0, beats, 0xFFFF)
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

        self._operation(Unit.LOAD, commands, (), (tensor,))

    def _loaded(self, matrix: Matrix) -> tuple[Tensor, int]:
        """Return the tensor of a constant or a state, loaded, and which row it begins with."""
        name = matrix.buffer.name
        place = self.survey.constants[name]
        if self.survey.kept(name):
            first, last, room = 0, place.rows, self.survey.padded[name]
        else:
            (first, last), room = self.survey.rows[name], 0
        if name not in self._there:
            tensor = self._new_tensor(matrix, last - first, place.columns, room)
            self._load(tensor, place, first)
            if not self.keep and not self.survey.kept(name):
                return tensor, first
            self._there[name] = tensor
        return self._there[name], first

    def _store_output(self, matrix: Matrix) -> None:
        tensor, place = self._tensor(matrix), self.survey.output
        offset, pitch = self._located(tensor, matrix)
        bus = self.config.bus_bytes
        if offset or pitch not in (0, tensor.pitch) or tensor.pitch % place.pitch:
            raise ConfigError(f"{matrix.buffer.name}: only a whole buffer can be the output")

        def commands() -> list[Command]:
            return [
                Store(
                    size=bus.bit_length() - 1,
                    address=place.address,
                    count=place.pitch // bus,
                    rows=matrix.rows,
                    stride=place.pitch,
                    source=tensor.address,
                    element_pitch=bus,
                    pitch=tensor.pitch,
                )
            ]

        self._operation(Unit.STORE, commands, (tensor,), ())

    # Products.

    def _multiply(self, step: Product) -> None:
        a, out = self._tensor(step.a), self._tensor(step.out)
        a_offset, a_pitch = self._located(a, step.a)
        out_offset, out_pitch = self._located(out, step.out)
        for what, value in (("begins", a_offset), ("has rows", a_pitch)):
            if value % self.config.activation_bytes:
                raise ConfigError(
                    f"{step.a.buffer.name}: {what} at byte {value}, and the array takes activations at multiples of "
                    f"{self.config.activation_bytes}"
                )
        name = step.weights.buffer.name
        if name in self.survey.weights:
            constant = self.survey.weights[name]
            reduce, k = constant.reduce, constant.k
            n = divide_up(step.out.columns, self.config.cim.tile.columns) * self.config.cim.tile.columns
            start, length = constant.part(step.weights)
            weights = list(weights_commands(self.config, [(start, length)]))
        else:
            operand = self.survey.stored[name].operands[step.weights.offset]
            reduce, n, weights = operand.load(step.weights.rows)
            k = step.a.columns
        high, _ = block_limits(self.config.cim, reduce)
        most = 0xFFFF if k <= high else self.config.cim.tile.accumulator_vectors

        def commands() -> list[Command]:
            those: list[Command] = []
            for first in range(0, step.a.rows, most):
                those += weights
                those.append(
                    ProductCommand(
                        reduce=reduce,
                        vectors=min(most, step.a.rows - first),
                        k=k,
                        n=n,
                        a=a.address + a_offset + first * a_pitch,
                        a_pitch=a_pitch,
                        out=out.address + out_offset + first * out_pitch,
                        out_pitch=out_pitch,
                    )
                )
            return those

        self._operation(Unit.ARRAY, commands, (a,), (out,))

    # Passes.

    def _pass(self, step: Pass) -> None:
        reads = [(name, matrix) for name in "abc" if (matrix := getattr(step, name)) is not None]
        places = {}
        for name, matrix in reads:
            of_memory = matrix.buffer.name in self.survey.constants
            tensor, first = self._loaded(matrix) if of_memory else (self._tensor(matrix), 0)
            places[name] = tensor, *self._located(tensor, matrix, first), matrix
        tensors = [places[name][0] for name, _ in reads]
        for tensor in tensors:
            tensor.apart.update(other for other in tensors if other is not tensor)
        if len(set(tensors)) < len(tensors):
            raise ConfigError(f"{tensors[0].name}: is read twice by a pass")
        staged = step.out is not None and (
            step.out.buffer.name in self.survey.stored or self.survey.kept(step.out.buffer.name)
        )
        scatter, lead = False, 0
        if step.out is not None:
            scatter = self._scatters(step.out)
            if staged:
                lead = self._lead(step.out)
                rows, columns = (1, step.out.rows) if scatter else (lead + step.out.rows, step.out.columns)
                out = self._new_tensor(step.out, rows, columns, suffix=".new")
                places["d"] = out, lead * out.pitch, out.size if scatter else out.pitch, step.out
                if lead:
                    self._load_last(step.out, out, lead)
            else:
                out = self._tensor(step.out)
                places["d"] = out, *self._located(out, step.out), step.out
            if not scatter:
                self._check_last_step(out, step.out, staged)
        number = len(self.operations)
        scalars = {
            "add": self._row_scalars(step.add, number),
            "multiply": self._row_scalars(step.multiply, number),
            "out": self._result_scalars(step, number),
        }
        for name, (tensor, offset, stride, _) in places.items():
            unit = tensor.size if name == "d" and scatter else self.config.vector.lanes * tensor.size
            for value in (offset, stride):
                if value % unit:
                    raise ConfigError(
                        f"{tensor.name}: byte {value} is not the begin of a step of {self.config.vector.lanes} lanes"
                    )
        half, lanes = step.options.rotate, self.config.vector.lanes
        if half and (half % lanes or half // lanes & (half // lanes - 1)):
            raise ConfigError(
                f"{step.a.buffer.name}: half a rotary block has {half} columns: it must be {lanes} lanes times a power "
                "of two"
            )

        def commands() -> list[Command]:
            return [Vector(command=self._vector_command(step, places, scatter, scalars))]

        written = (places["d"][0],) if step.out is not None else ()
        self._operation(Unit.VECTOR, commands, tuple(tensors), written)
        if staged and step.out is not None:
            self._store(step.out, places["d"][0], lead)

    def _vector_command(
        self,
        step: Pass,
        places: dict[str, tuple[Tensor, int, int, Matrix]],
        scatter: bool,
        scalars: dict[str, tuple[Slots, int] | None],
    ) -> VectorCommand:
        lanes = self.config.vector.lanes
        options: dict[str, Any] = vars(step.options).copy()
        for name in ("scale", "offset"):
            options[name] = bits_float(float_bits(options[name]))

        def matrix(name: str) -> VectorMatrix | None:
            if name not in places:
                return None
            tensor, offset, stride, of = places[name]
            unit = 4 if name == "d" and scatter else lanes
            storage = Storage.of(of.storage.written)
            return VectorMatrix(address=(tensor.address + offset) // unit, stride=stride // unit, storage=storage)

        slots = {name: None if those is None else those[0].slot + those[1] for name, those in scalars.items()}
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
            multiply_inverse=self._is_inverse(step.multiply),
            out=slots["out"] or 0,
            **options,
        )

    def _scatters(self, out: Matrix) -> bool:
        """Return whether the rows of a result are places of numbers."""
        one = out.columns == 1 and out.storage == stored.FP32
        return one and (self.survey.kept(out.buffer.name) or out.stride == 1)

    def _check_last_step(self, tensor: Tensor, matrix: Matrix, staged: bool) -> None:
        """See that the zeros behind the end of a row do no harm."""
        if staged or matrix.columns % self.config.vector.lanes == 0:
            return
        if matrix.offset % tensor.columns + matrix.columns < tensor.columns or 0 < matrix.stride < tensor.columns:
            raise ConfigError(
                f"{tensor.name}: {matrix.columns} columns end within a step of {self.config.vector.lanes} lanes, which "
                "is written whole"
            )

    def _row_scalars(self, scalars: Scalars | None, number: int) -> tuple[Slots, int] | None:
        if scalars is None:
            return None
        slots = self._slots_of[scalars.name]
        slots.last = number
        return slots, scalars.first

    def _is_inverse(self, scalars: Scalars | None) -> bool:
        return scalars is not None and self._slots_of[scalars.name].name != scalars.name

    def _result_scalars(self, step: Pass, number: int) -> tuple[Slots, int] | None:
        if step.linear is None:
            return None
        linear = step.linear
        slots = self.slots.setdefault(linear.name, Slots(linear.name, 0, number, number))
        slots.rows, slots.last = max(slots.rows, linear.first + linear.rows), number
        self._slots_of[linear.name] = slots
        if step.inverse is not None:
            if step.inverse.first != linear.first:
                raise ConfigError(f"{linear.name}: and its inverse are not the same rows")
            self._slots_of[step.inverse.name] = slots
        return slots, linear.first

    def _lead(self, out: Matrix) -> int:
        """Return how many rows of a staging tensor are for positions before those of a result.

        Packed keys of an odd number of positions share bytes with the position before: of each head one row.
        """
        stored = self.survey.stored.get(out.buffer.name)
        if stored is None or stored.tail is None:
            return 0
        pieces = list(row_pieces(stored, out))
        assert len({(piece.position, piece.rows) for piece in pieces}) == 1, f"{out.buffer.name}: heads differ"
        return len(pieces) if pieces[0].position % 2 else 0

    def _load_last(self, out: Matrix, staging: Tensor, lead: int) -> None:
        """Load the positions before those of a result, one of each head."""
        stored = self.survey.stored[out.buffer.name]
        assert stored.tail is not None
        tail, first = stored.tail, next(row_pieces(stored, out)).operand
        address = tail.address + list(stored.operands.values()).index(first) * tail.pitch

        def commands() -> list[Command]:
            return [
                Load(
                    address=address,
                    beats=tail.pitch // self.config.bus_bytes,
                    rows=lead,
                    stride=tail.pitch,
                    destination=staging.address,
                    pitch=staging.pitch,
                )
            ]

        self._operation(Unit.LOAD, commands, (), (staging,))

    def _store(self, out: Matrix, staging: Tensor, lead: int) -> None:
        """Store what a pass has left in a tensor of its own, behind so many rows of positions before."""
        name = out.buffer.name
        if name in self.survey.stored:
            stored = self.survey.stored[name]

            def commands() -> list[Command]:
                return list(stored_commands(stored, out, staging.address, staging.pitch, lead))
        else:
            # What was loaded is no longer what memory holds.
            self._there.pop(name, None)
            place = self.survey.constants[name]

            def commands() -> list[Command]:
                row, column = divmod(out.offset, place.columns)
                address = place.address + row * place.pitch + 4 * column
                one_row = Store(size=2, address=address, count=out.rows, source=staging.address, element_pitch=4)
                if out.stride < place.columns:
                    return [one_row]
                stride = out.stride // place.columns * place.pitch
                return [replace(one_row, count=1, rows=out.rows, stride=stride, pitch=4)]

        self._operation(Unit.STORE, commands, (staging,), ())

    def _located(self, tensor: Tensor, matrix: Matrix, first_row: int = 0) -> tuple[int, int]:
        """Return where a matrix begins in a tensor, and how far its rows are from each other; in bytes."""
        row, column = divmod(matrix.offset, tensor.columns)
        offset = (row - first_row) * tensor.pitch + column * tensor.size
        if matrix.rows == 1 or matrix.stride == 0:
            return offset, 0
        if matrix.stride % tensor.columns == 0:
            return offset, matrix.stride // tensor.columns * tensor.pitch
        if column + (matrix.rows - 1) * matrix.stride + matrix.columns <= tensor.columns:
            return offset, matrix.stride * tensor.size
        raise ConfigError(f"{tensor.name}: rows of {matrix.stride} elements do not lie in rows of {tensor.columns}")
