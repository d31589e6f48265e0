"""From lowered steps to a program of the accelerator: places, loads and stores, and commands for every step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.errors import ConfigError
from tilewright.sim.config.program import Command, End, Load, Store, Unit, Vector, bits_float, float_bits
from tilewright.sim.config.program import Product as ProductCommand
from tilewright.sim.config.vector_command import Function, Inverse, Reduce, Storage, VectorCommand
from tilewright.sim.config.vector_command import Matrix as VectorMatrix
from tilewright.sim.machine.cim_array import block_limits
from tilewright.sim.machine.steps import Matrix, Pass, Product, Scalars, Step

from .allocation import Slots, Tensor, place_slots, place_tensors
from .compiled import SIZES, Compiled, ConstantWeights, PaddedRows, StoredBuffer
from .lowering import Lowered
from .memory_map import MemoryMap
from .panels import in_panels
from .reorder import command_cycles, depth_first, reordered
from .stores import row_pieces, stored_commands
from .synchronise import synchronise
from .weight_layout import StoredWeights, constant_bytes, reduces, weights_commands

ATTEMPTS = (
    (True, 16, False),
    (True, 6, False),
    (True, 0, False),
    (False, 6, False),
    (False, 0, False),
    (True, 0, True),
    (False, 0, True),
)
"""Whether constants stay in the scratchpad, how many operations bytes rest before they are written anew, and whether
banks are filled one after the other."""

LOADED_AHEAD = 1
"""Products to come before a pass whose constants are loaded already."""


def compile_program(config: AcceleratorConfig, lowered: Lowered, memory: MemoryMap | None = None) -> Compiled:
    """Return the program of an accelerator that runs lowered steps.

    Activations live in the scratchpad, from the step that writes them to the last one that reads them. Weights lie in
    memory in the order in which products take them; so do keys and values, which are stored there when they have been
    made. Other constants are loaded in front of the first step that needs them, and stay if there is room.

    Parameters
    ----------
    memory : MemoryMap, optional
        Of another program that shares constants and states with this one.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step; names both.
    """
    memory = memory or MemoryMap()
    survey = Survey(config, lowered, lambda name: memory)
    translation = translate(config, survey)
    program = synchronise(config, [*translation.commands(), End()])
    return Compiled(
        config=config,
        memory=memory,
        commands=program,
        program_address=memory.new("program", 64 * len(program)).address,
        input=survey.input,
        output=survey.output,
        weights=survey.weights,
        constants=survey.constants,
        stored=survey.stored,
        states=tuple(lowered.states),
        tensors=tuple(translation.tensors),
    )


def translate(config: AcceleratorConfig, survey: "Survey") -> "Translation":
    """Return operations that all have found their places."""
    given = survey.lowered
    late = depth_first(given)
    orders = (reordered(config, given), reordered(config, late), late)
    attempts = [(lowered, *attempt) for lowered in orders for attempt in ATTEMPTS]
    for number, (lowered, keep, slack, tight) in enumerate(attempts):
        translation = Translation(config, survey, lowered, keep)
        try:
            place_tensors(config, translation.tensors, slack, tight=tight)
            place_slots(config.vector.scalars, translation.slots.values())
            return translation
        except ConfigError:
            if number == len(attempts) - 1:
                raise
    raise AssertionError("no attempt")


def with_early_scalars(lowered: Lowered) -> Lowered:
    """Return steps in which row scalars are written right behind the pass that makes them: their slots are soon free.

    Such a pass takes a constant of one column, which nothing but the row scalars changes.
    """
    makers: dict[str, int] = {}
    behind: dict[int, list[Step]] = {}
    steps = lowered.steps
    for place, step in enumerate(steps):
        if not isinstance(step, Pass):
            continue
        scalars = step.multiply
        writes = scalars and step.a.columns == 1 and step.a.buffer.name in lowered.constants
        if scalars and writes and not (step.add or step.b or step.c or step.linear):
            behind.setdefault(makers[scalars.name], []).append(step)
            continue
        makers |= {each.name: place for each in (step.linear, step.inverse) if each}
    moved = {id(step) for those in behind.values() for step in those}
    order: list[Step] = []
    for place, step in enumerate(steps):
        order += [] if id(step) in moved else [step]
        order += behind.get(place, [])
    return replace(lowered, steps=tuple(order))


class Survey:
    """How every buffer is used, and what has a place in memory."""

    def __init__(
        self,
        config: AcceleratorConfig,
        lowered: Lowered,
        memory_of: Callable[[str], MemoryMap],
        carried: tuple[PaddedRows, PaddedRows] | None = None,
    ):
        """Take ``memory_of`` for where a buffer has its place, ``carried`` for those of input and output."""
        self.config, self.memory_of = config, memory_of
        self.lowered = lowered = in_panels(config, with_early_scalars(lowered))
        self.columns: dict[str, int] = {}
        """Elements of a row of a buffer."""
        self.padded: dict[str, int] = {}
        """What a row must have room for, where that is more."""
        self.rows: dict[str, tuple[int, int]] = {}
        """Rows of a constant that are used: the first, and the one behind the last."""
        self.weights: dict[str, ConstantWeights] = {}
        self.constants: dict[str, PaddedRows] = {}
        self.stored: dict[str, StoredBuffer] = {}
        self._products()
        self._matrices()
        self._constants_and_states()
        self.input, self.output = carried or (
            self.matrix_place("input", lowered.input),
            self.matrix_place("output", lowered.output),
        )

    def kept(self, name: str) -> bool:
        """Return whether a buffer is a state of the vector unit's: a row of scales for each head."""
        return name in self.lowered.states and name not in self.stored

    def pitch(self, columns: int, size: int) -> int:
        """Return the bytes of a row of whole words."""
        word = self.config.word_bytes
        return divide_up(columns * size, word) * word

    def _products(self) -> None:
        operands: dict[str, dict[int, Product]] = {}
        tile = self.config.cim.tile
        for step in self.lowered.steps:
            if not isinstance(step, Product):
                continue
            name, n = step.weights.buffer.name, step.out.columns
            self.padded[step.out.buffer.name] = divide_up(n, tile.columns) * tile.columns
            if name in self.lowered.constants:
                self._constant(step)
            else:
                operands.setdefault(name, {})[step.weights.offset] = step
        for name, products in operands.items():
            self.stored[name] = self._stored(name, products)

    def _constant(self, step: Product) -> None:
        cim, tile, buffer = self.config.cim, self.config.cim.tile, step.weights.buffer
        k = step.weights.rows
        n = step.weights.stride if k > 1 else buffer.elements
        bits = {"int4": 4, "int8": 8}[step.weights.storage]
        if bits > tile.macro.weight_bits or tile.macro.weight_format != "int":
            raise ConfigError(
                f"{buffer.name}: weights of {bits} bits do not go into tiles of {tile.macro.weight_bits} bits, "
                f"{tile.macro.weight_format}"
            )
        if step.group and (step.group, "uint8") != (tile.group_rows, tile.group_scale):
            raise ConfigError(
                f"{buffer.name}: scales of groups of {step.group} rows do not go into tiles with group_scale = "
                f"{tile.group_scale}, group_rows = {tile.group_rows}"
            )
        if tile.group_scale == "e8m0":
            raise ConfigError(f"{buffer.name}: group_scale = e8m0 is not supported by the compiler: none or uint8")
        reduce = reduces(cim, k, n)
        layout = ("weights", k, n, int(reduce))
        place = self.memory_of(buffer.name).place(buffer.name, constant_bytes(cim, k, n, reduce), layout)
        scales = step.scales.buffer.name if step.scales else None
        self.weights[buffer.name] = ConstantWeights(cim, place.address, k, n, reduce, scales)

    def _stored(self, name: str, products: dict[int, Product]) -> StoredBuffer:
        tile = self.config.cim.tile
        first = next(iter(products.values()))
        matrix, transposed = first.weights, first.transposed
        fits = tile.macro.weight_bits == 8 or matrix.storage == "int4"
        if not fits or tile.macro.weight_format != "int" or tile.group_scale == "e8m0":
            raise ConfigError(
                f"{name}: {matrix.storage} that a program makes does not go into tiles of {tile.macro.weight_bits} "
                f"bits, {tile.macro.weight_format}, group_scale = {tile.group_scale}: int of as many bits, or uint8"
            )
        head, stride, elements = matrix.columns, matrix.stride, matrix.buffer.elements
        if any(
            (p.weights.columns, p.weights.stride, p.transposed) != (head, stride, transposed) for p in products.values()
        ):
            raise ConfigError(f"{name}: is used as weights of different shapes")
        offsets = sorted(products)
        if stride > head:
            positions = elements // stride
        else:
            positions = (offsets[1] - offsets[0] if len(offsets) > 1 else elements) // head
        one = StoredWeights(self.config, 0, positions, head, transposed)
        place = self.memory_of(name).place(
            name, len(offsets) * one.bytes, ("stored", positions, head, int(transposed), len(offsets))
        )
        operands = {
            offset: StoredWeights(self.config, place.address + index * one.bytes, positions, head, transposed)
            for index, offset in enumerate(offsets)
        }
        tail = None
        if one.packed and transposed and name in self.lowered.states:
            pitch = self.pitch(head, 1)
            last = self.memory_of(name).place(f"{name}.last", len(offsets) * pitch)
            tail = PaddedRows(last.address, len(offsets), head, pitch, "int8")
        return StoredBuffer(elements, stride, operands, tail)

    def _matrices(self) -> None:
        starts: dict[str, set[int]] = {}
        for step in self.lowered.steps:
            those = (step.a, step.out) if isinstance(step, Product) else (step.a, step.b, step.c, step.out)
            for matrix in those:
                if matrix is None:
                    continue
                name = matrix.buffer.name
                if self.kept(name):
                    if matrix is not step.out:
                        starts.setdefault(name, set()).add(matrix.offset)
                        self.padded[name] = max(self.padded.get(name, 0), matrix.columns)
                else:
                    self.columns[name] = max(self.columns.get(name, 0), matrix.stride, matrix.columns)
        for name, places in starts.items():
            first, *rest = sorted(places)
            self.columns[name] = rest[0] - first if rest else self.lowered.buffers[name].elements
        for step in self.lowered.steps:
            if isinstance(step, Pass):
                for matrix in (step.a, step.b, step.c):
                    if matrix is not None and matrix.buffer.name in self.lowered.constants:
                        self._use_rows(matrix)

    def _use_rows(self, matrix: Matrix) -> None:
        name = matrix.buffer.name
        first = matrix.offset // self.columns[name]
        last = (matrix.offset + (matrix.rows - 1) * matrix.stride) // self.columns[name] + 1
        before = self.rows.get(name, (first, last))
        self.rows[name] = min(before[0], first), max(before[1], last)

    def _constants_and_states(self) -> None:
        for name in (*self.lowered.constants, *self.lowered.states):
            if name in self.weights or name in self.stored or name not in self.columns:
                continue
            buffer = self.lowered.buffers[name]
            columns = self.columns[name]
            rows, size = buffer.elements // columns, SIZES[buffer.storage]
            pitch = self.pitch(columns, size)
            # Rows without gaps are the same whatever their length is taken for.
            layout = ("rows", buffer.storage) + (() if pitch == columns * size else (columns,))
            place = self.memory_of(name).place(name, rows * pitch, layout)
            self.constants[name] = PaddedRows(place.address, rows, columns, pitch, buffer.storage)

    def matrix_place(self, name: str, matrix: Matrix) -> PaddedRows:
        """Return a new place for a whole buffer."""
        columns = self.columns[matrix.buffer.name]
        pitch = self.pitch(columns, SIZES[matrix.storage])
        place = self.memory_of(name).new(name, matrix.rows * pitch)
        return PaddedRows(place.address, matrix.rows, columns, pitch, matrix.storage)


@dataclass
class _Operation:
    """What one unit does for a step."""

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
        return [command for operation in self.operations for command in operation.commands()]

    def _operation(
        self, unit: Unit, commands: Callable[[], list[Command]], reads: tuple[Tensor, ...], writes: tuple[Tensor, ...]
    ) -> None:
        number = len(self.operations)
        self.operations.append(_Operation(unit, commands, reads, writes))
        for tensor in (*reads, *writes):
            tensor.use(number)

    def _new_tensor(self, name: str, rows: int, columns: int, size: int, room: int = 0) -> Tensor:
        pitch = self.survey.pitch(max(columns if not room else 0, room), size)
        self.tensors.append(Tensor(name, rows, columns, size, pitch))
        return self.tensors[-1]

    def _tensor(self, matrix: Matrix) -> Tensor:
        """Return the tensor of an activation."""
        buffer = matrix.buffer
        if buffer.name not in self._there:
            columns = self.survey.columns[buffer.name]
            rows = divide_up(buffer.elements, columns)
            room = max(columns, self.survey.padded.get(buffer.name, 0))
            self._there[buffer.name] = self._new_tensor(buffer.name, rows, columns, SIZES[buffer.storage], room)
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
            tensor = self._new_tensor(name, last - first, place.columns, SIZES[place.storage], room)
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
                out = self._new_tensor(f"{step.out.buffer.name}.new", rows, columns, SIZES[step.out.storage])
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
        options, lanes = step.options, self.config.vector.lanes

        def matrix(name: str) -> VectorMatrix | None:
            if name not in places:
                return None
            tensor, offset, stride, of = places[name]
            unit = 4 if name == "d" and scatter else lanes
            storage = Storage[of.storage.upper().replace("INT4", "INT8")]
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
            function=Function[options.function.upper()],
            square=options.square,
            reduce=Reduce[options.reduce.upper()],
            scale=bits_float(float_bits(options.scale)),
            offset=bits_float(float_bits(options.offset)),
            inverse=Inverse[options.inverse.upper()],
            out=slots["out"] or 0,
            causal=options.causal,
            mask_base=options.mask_base,
            rotate=options.rotate,
        )

    def _scatters(self, out: Matrix) -> bool:
        """Return whether the rows of a result are places of numbers."""
        return out.columns == 1 and out.storage == "fp32" and (self.survey.kept(out.buffer.name) or out.stride == 1)

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
