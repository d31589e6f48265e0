"""How a program uses every buffer, and which have a place in memory."""

from collections.abc import Callable

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config import TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.formats import StoredFormat
from tilewright.sim.isa.steps import Matrix, Pass, Product

from .compiled import ConstantWeights, PaddedRows, StoredBuffer
from .memory_map import MemoryMap
from .panels import in_panels
from .reorder import with_early_scalars
from .weight_layout import StoredWeights, constant_bytes, reduces


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
        _check_held(buffer.name, step.weights.storage, tile)
        if step.scales and (step.group, step.scales.storage) != (tile.group_rows, tile.scales):
            raise ConfigError(
                f"{buffer.name}: scales {step.scales.storage} of groups of {step.group} rows do not go into tiles with "
                f"group_scale = {tile.group_scale}, group_rows = {tile.group_rows}"
            )
        reduce = reduces(cim, k, n)
        layout = ("weights", k, n, int(reduce))
        place = self.memory_of(buffer.name).place(buffer.name, constant_bytes(cim, k, n, reduce), layout)
        scales = step.scales.buffer.name if step.scales else None
        self.weights[buffer.name] = ConstantWeights(cim, place.address, k, n, reduce, scales)

    def _stored(self, name: str, products: dict[int, Product]) -> StoredBuffer:
        first = next(iter(products.values()))
        matrix, transposed = first.weights, first.transposed
        _check_held(name, matrix.storage, self.config.cim.tile)
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
            pitch = self.pitch(head, matrix.storage.scratchpad_bytes)
            last = self.memory_of(name).place(f"{name}.last", len(offsets) * pitch)
            tail = PaddedRows(last.address, len(offsets), head, pitch, matrix.storage.written)
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


def _check_held(name: str, storage: StoredFormat, tile: TileConfig) -> None:
    """See that a tile holds weights of a storage; four bits go into eight."""
    if not tile.macro.weights.holds(storage):
        raise ConfigError(f"{name}: weights of {storage} do not go into tiles of {tile.macro.weights}")
