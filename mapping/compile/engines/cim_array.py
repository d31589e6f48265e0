"""The CIM array as an engine: products of integers, with weights in the layout in which the array takes them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiled import ConstantWeights, PaddedRows, StoredBuffer
from tilewright.mapping.compile.mapping import Split
from tilewright.mapping.compile.operations import Operations
from tilewright.mapping.compile.stored_weights import StoredWeights, stored_columns
from tilewright.mapping.compile.survey import Survey
from tilewright.mapping.compile.weight_layout import (
    blocks,
    constant_bytes,
    product_columns,
    reduces,
    weights_commands,
)
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.commands import Command, Weights
from tilewright.sim.isa.commands import Product as ProductCommand
from tilewright.sim.isa.steps import Matrix, Product, Step
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.widths import MAX_VECTORS
from tilewright.sim.machine.cim.array import block_limits

from .engine import Engine

MEMORY_CYCLES = 100
"""Approximate cycles from a result to its place in memory and to the array, besides storing keys element by element."""


@dataclass
class _Part:
    """A part of a product: columns side by side, with the commands that load their weights."""

    first: int
    """First of the columns."""
    reduce: bool
    n: int
    weights: list[Weights]


class CimArray(Engine):
    """Runs products. Constants lie in memory in the order of their products; states grow by one store for each
    token."""

    NAME = "CIM array"
    STREAMS_WEIGHTS = True

    def __init__(self, config: AcceleratorConfig, split: Split = Split.COLUMNS):
        super().__init__(config)
        self.split = split

    def runs(self, step: Step) -> bool:
        return isinstance(step, Product)

    def refusal(self, step: Step) -> str | None:
        assert isinstance(step, Product)
        if self.config.cim is None:
            return f"{step.out.buffer.name}: a product of the CIM array, and the accelerator has none"
        tile, name, storage = self.config.cim.tile, step.weights.buffer.name, step.weights.storage
        if not any(form.holds(storage) for form in tile.weight_formats):
            return f"{name}: weights of {storage} do not go into tiles of {' and '.join(map(str, tile.weight_formats))}"
        if step.scales and (step.group, step.scales.storage) != (tile.group_rows, tile.scales):
            return (
                f"{name}: scales {step.scales.storage} of groups of {step.group} rows do not go into tiles with "
                f"group_scale = {tile.group_scale}, group_rows = {tile.group_rows}"
            )
        return None

    def operands(self, step: Step) -> tuple[Matrix, ...]:
        return (step.a,)

    def cycles(self, step: Step) -> int:
        assert isinstance(step, Product)
        k, n = step.a.columns, step.out.columns
        return self._product_cycles(step.a.rows, k, n, self._reduces(k, n), self._narrow(step))

    def ready_cycles(self, before: Step, step: Step) -> int:
        """Return the cycles until memory has a result that the array takes as weights."""
        assert isinstance(step, Product)
        if before.out is None or before.out.buffer != step.weights.buffer:
            return 0
        return MEMORY_CYCLES + (before.out.rows * before.out.columns if step.transposed else 0)

    def panel_columns(self, step: Product) -> int:
        """Return a number of columns of whole blocks and of whole steps of the vector unit."""
        k, n = step.weights.rows, step.weights.columns
        wide = block_limits(self.config.cim_array, self._reduces(k, n))[1]
        return math.lcm(wide, self.config.vector.lanes)

    # Weights in main memory.

    def place_operands(self, steps: Sequence[Step], survey: Survey) -> None:
        operands: dict[str, dict[int, Product]] = {}
        for step in steps:
            assert isinstance(step, Product)
            name = step.weights.buffer.name
            survey.padded[step.out.buffer.name] = self._columns(step, name in survey.lowered.constants)
            if name in survey.lowered.constants:
                survey.weights[name] = self._constant(step, survey)
            else:
                operands.setdefault(name, {})[step.weights.offset] = step
        for name, products in operands.items():
            survey.stored[name] = self._stored(name, products, survey)

    def _columns(self, step: Product, constant: bool) -> int:
        """Return the columns of a step's product."""
        tile, n = self.config.cim_array.tile, step.out.columns
        if constant:
            return product_columns(tile, n)
        width = stored_columns(tile, step.weights.columns, step.transposed)
        return divide_up(n, width) * width

    def _constant(self, step: Product, survey: Survey) -> ConstantWeights:
        cim, buffer = self.config.cim_array, step.weights.buffer
        k = step.weights.rows
        n = step.weights.stride if k > 1 else buffer.elements
        reduce, narrow = self._reduces(k, n), self._narrow(step)
        layout = ("weights", k, n, int(reduce)) + (("narrow",) if narrow else ())
        place = survey.memory_of(buffer.name).place(buffer.name, constant_bytes(cim, k, n, reduce, narrow), layout)
        scales = step.scales.buffer.name if step.scales else None
        return ConstantWeights(cim, place.address, k, n, reduce, scales, narrow)

    def _reduces(self, k: int, n: int) -> bool:
        """Return whether tiles hold rows of (k, n) constants below one another."""
        return reduces(self.config.cim_array, k, n, self.split)

    def _narrow(self, step: Product) -> bool:
        """Return whether the weights of a product have the narrow format of the array."""
        return step.weights.storage in self.config.cim_array.tile.weight_formats[1:]

    def _stored(self, name: str, products: dict[int, Product], survey: Survey) -> StoredBuffer:
        first = next(iter(products.values()))
        matrix, transposed = first.weights, first.transposed
        head, stride, elements = matrix.columns, matrix.stride, matrix.buffer.elements
        if any(
            (p.weights.columns, p.weights.stride, p.transposed) != (head, stride, transposed) for p in products.values()
        ):
            raise ConfigError(f"{name}: is used as weights of different shapes")
        offsets = sorted(products)
        if stride > head:
            positions = elements // stride
        else:
            parts = matrix.buffer.parts if name in survey.lowered.states else len(offsets)
            positions = elements // parts // head
            # Blocks of positions, and a sliding window, begin after the first position.
            offsets = sorted({offset // (positions * head) * positions * head for offset in offsets})
        one = StoredWeights(self.config, 0, positions, head, transposed)
        place = survey.memory_of(name).place(
            name, len(offsets) * one.bytes, ("stored", positions, head, int(transposed), len(offsets))
        )
        operands = {
            offset: StoredWeights(self.config, place.address + index * one.bytes, positions, head, transposed)
            for index, offset in enumerate(offsets)
        }
        tail = None
        if one.packed and transposed and name in survey.lowered.states:
            pitch = survey.pitch(head, matrix.storage.scratchpad_bytes)
            last = survey.memory_of(name).place(f"{name}.last", len(offsets) * pitch)
            tail = PaddedRows(last.address, len(offsets), head, pitch, matrix.storage.written)
        return StoredBuffer(elements, stride, operands, tail)

    # Commands.

    def emit(self, step: Step, operations: Operations) -> None:
        assert isinstance(step, Product)
        config, survey = self.config, operations.survey
        a, out = operations.resident(step.a), operations.written(step.out)
        a_offset, a_pitch = operations.located(a, step.a)
        out_offset, out_pitch = operations.located(out, step.out)
        for what, value in (("begins", a_offset), ("has rows", a_pitch)):
            if value % config.activation_bytes:
                raise ConfigError(
                    f"{step.a.buffer.name}: {what} at byte {value}, and the array takes activations at multiples of "
                    f"{config.activation_bytes}"
                )
        name = step.weights.buffer.name
        if name in survey.weights:
            constant = survey.weights[name]
            assert isinstance(constant, ConstantWeights)
            k, n = constant.k, self._columns(step, True)
            parts = [_Part(0, constant.reduce, n, list(weights_commands(config, [constant.part(step.weights)])))]
        else:
            operand, position = survey.stored[name].operand(step.weights.offset)
            assert isinstance(operand, StoredWeights)
            k, parts = step.a.columns, self._parts(operand, position, step.weights.rows)

        narrow = self._narrow(step)

        def commands() -> list[Command]:
            made: list[Command] = []
            for part in parts:
                high, _ = block_limits(config.cim_array, part.reduce)
                most = MAX_VECTORS if k <= high else config.cim_array.tile.accumulator_vectors
                for first in range(0, step.a.rows, most):
                    made += part.weights
                    made.append(
                        ProductCommand(
                            reduce=part.reduce,
                            narrow=narrow,
                            vectors=min(most, step.a.rows - first),
                            k=k,
                            n=part.n,
                            a=a.address + a_offset + first * a_pitch,
                            a_pitch=a_pitch,
                            out=out.address + out_offset + first * out_pitch + 4 * part.first,
                            out_pitch=out_pitch,
                        )
                    )
            return made

        operations.add(step.operator, Unit.ARRAY, commands, (a,), (out,), self._command_cycles)

    def _parts(self, operand: StoredWeights, position: int, positions: int) -> list[_Part]:
        """Return the parts of a product with some positions of a cache: one, or several with keys side by side.

        A product comes behind its weights. If their commands fill the queue, and the weight buffer is full, it would
        never come.
        """
        parts = [_Part(0, *operand.load(positions, position))]
        step = operand.columns * self.config.cim_array.tiles
        while operand.transposed and any(self._too_many(part.weights) for part in parts):
            size = divide_up(divide_up(positions, 2 * len(parts)), step) * step
            starts = range(0, positions, size)
            if len(starts) == len(parts):
                break
            parts = [_Part(start, *operand.load(min(size, positions - start), position + start)) for start in starts]
        return parts

    def _too_many(self, weights: list[Weights]) -> bool:
        """Return whether the queue of the load unit and the weight buffer have no room for commands of weights."""
        behind = max(0, len(weights) - self.config.queue_depth)
        return sum(each.all_beats for each in weights[:behind]) > self.config.weight_buffer_beats

    def _command_cycles(self, command: Command) -> int:
        """Return the approximate cycles of a command; loads of weights take place during products."""
        if not isinstance(command, ProductCommand):
            return 0
        return self._product_cycles(command.vectors, command.k, command.n, command.reduce, command.narrow)

    def _product_cycles(self, vectors: int, k: int, n: int, reduce: bool, narrow: bool) -> int:
        """Return the approximate cycles of a product: its computation, or one cycle for each beat of weights."""
        config, tile = self.config.cim_array, self.config.cim_array.tile
        computing = blocks(config, k, n, reduce) * vectors * tile.macro.slices
        full, rest = divmod(n, tile.columns)
        beats = full * tile.weight_beats_per_row(tile.columns, narrow) + tile.weight_beats_per_row(rest, narrow)
        loading = k * beats
        return max(computing, loading) + config.latency
