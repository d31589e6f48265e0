"""Parameters of a digital compute-in-memory (CIM) macro and of a CIM tile.

The pipeline depths that follow from a shape are properties here, because hardware and exact model both need them: the
RTL asserts that it has this number of stages, and co-simulation asserts that it takes this number of cycles.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tilewright.sim.formats import StoredFormat, stored, stored_format
from tilewright.sim.formats.minifloat import usual_name
from tilewright.sim.isa.widths import MAX_BLOCK_ROWS

from .base import Frozen

BusBits = Annotated[int, Field(ge=8, le=4096)]


def divide_up(value: int, divisor: int) -> int:
    """Return the quotient, rounded up."""
    return -(-value // divisor)


def dadda_levels(height: int) -> int:
    """Return the number of full-adder levels that reduce ``height`` bits of equal weight to two.

    The heights 2, 3, 4, 6, 9, 13, ... of L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34,
    1965: each is the one before times 3/2, rounded down.
    """
    levels, reachable = 0, 2
    while reachable < height:
        levels, reachable = levels + 1, reachable * 3 // 2
    return levels


GROUP_SCALE_LATENCY = 1
"""Cycles from the dot products of a group to their products with the group's scale."""


class MacroConfig(Frozen):
    """Parameters of one digital CIM macro: a matrix of weights that multiplies bit-serial signed activations."""

    rows: Annotated[int, Field(ge=2, le=1024)]
    """Number of inputs of a dot product."""
    columns: Annotated[int, Field(ge=1, le=1024)]
    """Number of dot products that the macro computes at a time."""
    weight_bits: Literal[4, 8]
    """Width of a weight in main memory in bits."""
    weight_format: Literal["int", "fp4_e2m1"] = "int"
    """Format of a weight: two's complement (int), or E2M1 of OCP MX, which is an integer from -12 to 12 in units of
    1/2."""
    input_bits: Literal[4, 8]
    """Width of a two's-complement activation in bits."""
    input_bits_per_cycle: Literal[1, 2, 4] = 1
    """Number of bits of each activation that the macro takes in a cycle, the most significant bits first."""
    weight_banks: Annotated[int, Field(ge=2, le=8)] = 2
    """Number of weight matrices in the macro: one computes while the others are loaded."""
    tree_levels_per_stage: Annotated[int, Field(ge=1, le=32)] = 5
    """Number of full-adder levels between two pipeline registers of the adder tree."""

    @field_validator("weight_format", mode="before")
    @classmethod
    def _usual_name(cls, value: object) -> object:
        return usual_name(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weight_bits != self.weights.bits:
            raise ValueError(
                f"weight_bits = {self.weight_bits} is not allowed: weights of {self.weights} have {self.weights.bits}"
            )
        return self

    @property
    def weights(self) -> StoredFormat:
        """Format in which weights are stored."""
        return stored_format(f"int{self.weight_bits}" if self.weight_format == "int" else self.weight_format)

    @property
    def cell_bits(self) -> int:
        """Width of a two's-complement weight inside the macro in bits, where every weight is a count."""
        return self.weights.count_bits

    @property
    def largest_weight(self) -> int:
        """Largest magnitude of a weight, as a count."""
        return max(self.weights.largest, -self.weights.lowest)

    @property
    def slices(self) -> int:
        """Number of cycles for which one input vector occupies the macro (its initiation interval)."""
        return self.input_bits // self.input_bits_per_cycle

    @property
    def result_bits(self) -> int:
        """Width of an exact dot product in bits: the sum of ``rows`` products of ``cell_bits + input_bits`` bits."""
        return self.dot_bits(self.rows)

    def dot_bits(self, rows: int) -> int:
        """Width of the sum of ``rows`` products in bits."""
        return self.cell_bits + self.input_bits + (rows - 1).bit_length()

    @property
    def tree_levels(self) -> int:
        """Number of full-adder levels that reduce ``rows`` one-bit products."""
        return dadda_levels(self.rows)

    @property
    def merge_levels(self) -> int:
        """Number of full-adder levels that join the trees of ``input_bits_per_cycle`` bits with the sign correction."""
        return dadda_levels(2 * self.input_bits_per_cycle + 1)

    @property
    def tree_stages(self) -> int:
        """Number of pipeline registers of the adder tree."""
        return divide_up(self.tree_levels + self.merge_levels, self.tree_levels_per_stage)

    @property
    def latency(self) -> int:
        """Cycles from the last slice of a vector at the input to its dot products at the output."""
        return self.tree_stages + 1


class TileConfig(Frozen):
    """Parameters of a CIM tile: a grid of macros with an input buffer, accumulators and a result buffer."""

    macro: MacroConfig
    """Parameters of each macro of the grid."""
    grid_rows: Annotated[int, Field(ge=1, le=16)] = 1
    """Number of macros in a column of the grid, whose dot products are added."""
    grid_columns: Annotated[int, Field(ge=1, le=16)] = 1
    """Number of macros in a row of the grid, which share their inputs."""
    weight_bus_bits: BusBits = 64
    """Number of bits of weights that are loaded in a cycle: a power of two of weights, which divides one row of the
    tile."""
    activation_bus_bits: BusBits = 64
    """Number of bits of activations that the tile takes in a cycle: a power of two of activations, which divides one
    input vector of the tile."""
    result_bus_bits: BusBits = 64
    """Number of bits of results that the tile sends in a cycle: a power of two of results, which divides one result
    vector of the tile."""
    input_buffer_vectors: Annotated[int, Field(ge=2, le=4096)] = 4
    """Number of input vectors that the input buffer holds ahead of the computation."""
    accumulator_vectors: Annotated[int, Field(ge=1, le=65536)] = 16
    """Number of result vectors that the accumulators hold as partial sums."""
    accumulator_bits: Annotated[int, Field(ge=8, le=64)] = 32
    """Width of a partial sum and of a result in bits."""
    result_buffer_vectors: Annotated[int, Field(ge=1, le=64)] = 2
    """Number of finished result vectors that wait for the result stream."""
    command_queue_depth: Annotated[int, Field(ge=1, le=64)] = 4
    """Number of array commands by which loading may run ahead of the computation."""
    group_scale: Literal["none", "uint8", "e8m0"] = "none"
    """Kind of scale that each group of weights of a column has: a factor from 0 to 255 (uint8), or a power of two up to
    2 ** max_shift (e8m0)."""
    group_rows: Literal[0, 32, 64, 128] = 0
    """Number of rows in a group that shares a scale; 0 if there are no scales."""
    max_shift: Literal[3, 7, 15, 31] = 15
    """Largest e8m0 scale: dot products are shifted left by 0 to max_shift bits, relative to a base of the column."""
    narrow_weights: Literal["none", "int4", "fp4_e2m1"] = "none"
    """Second format of weights, of 4 bits: a block of them takes half the bytes in main memory, and becomes integers of
    the macro's 8 bits as it is loaded. Each product has weights of one of the two formats."""

    @field_validator("narrow_weights", mode="before")
    @classmethod
    def _usual_name(cls, value: object) -> object:
        return usual_name(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        macro = self.macro
        if self.rows > MAX_BLOCK_ROWS:
            raise ValueError(
                f"grid_rows = {self.grid_rows} is not allowed: macros of {macro.rows} rows make more than "
                f"{MAX_BLOCK_ROWS}, which a command cannot say"
            )
        if self.narrow_weights != "none" and macro.weight_bits != 8:
            raise ValueError(
                f"narrow_weights = {self.narrow_weights} is not allowed: weight_bits of the macro must be 8, and it is "
                f"{macro.weight_bits}"
            )
        for bus, unit_name, unit, row_name, row in (
            ("weight_bus_bits", "weight_bits", macro.weight_bits,
             "a row of weights (grid_columns x columns x weight_bits)", self.columns * macro.weight_bits),
            ("activation_bus_bits", "input_bits", macro.input_bits,
             "an input vector (grid_rows x rows x input_bits)", self.rows * macro.input_bits),
            ("result_bus_bits", "accumulator_bits", self.accumulator_bits,
             "a result vector (grid_columns x columns x accumulator_bits)", self.columns * self.accumulator_bits),
        ):  # fmt: skip
            value = getattr(self, bus)
            elements = value // unit
            if value % unit or elements & (elements - 1):
                raise ValueError(
                    f"{bus} = {value} is not allowed: it must be {unit_name} = {unit} times a power of two"
                )
            if row % value:
                raise ValueError(f"{bus} = {value} is not allowed: it must divide {row_name} = {row} bits")
        if (self.group_scale == "none") != (self.group_rows == 0):
            raise ValueError(
                f"group_rows = {self.group_rows} is not allowed: with group_scale = {self.group_scale} it must be "
                f"{'0' if self.group_scale == 'none' else '32, 64 or 128'}"
            )
        if self.group_rows and self.group_rows % macro.rows:
            raise ValueError(
                f"group_rows = {self.group_rows} is not allowed: a macro of {macro.rows} rows must divide it"
            )
        if self.group_rows and self.rows % self.group_rows and self.group_rows % self.rows:
            raise ValueError(
                f"group_rows = {self.group_rows} is not allowed: it must divide the {self.rows} rows of the tile, "
                "or they it"
            )
        if self.accumulator_bits < self.sum_bits:
            scaled = f", scaled by {self.scale_growth_bits} bits," if self.group_rows else ""
            raise ValueError(
                f"accumulator_bits = {self.accumulator_bits} is not allowed: one vector of {self.rows} products of "
                f"{macro.cell_bits} x {macro.input_bits} bits{scaled} needs {self.sum_bits}"
            )
        return self

    @property
    def rows(self) -> int:
        """Number of inputs of a dot product over the whole grid."""
        return self.grid_rows * self.macro.rows

    @property
    def columns(self) -> int:
        """Number of dot products that the whole grid computes at a time."""
        return self.grid_columns * self.macro.columns

    @property
    def sum_bits(self) -> int:
        """Width of the scaled sum over the grid's rows in bits."""
        return self.macro.dot_bits(self.rows) + self.scale_growth_bits

    @property
    def groups(self) -> int:
        """Number of row groups with a scale of their own; 1 if there are no scales."""
        return divide_up(self.rows, self.group_rows) if self.group_rows else 1

    @property
    def group_macros(self) -> int:
        """Number of grid rows that belong to a group."""
        return self.grid_rows // self.groups

    @property
    def scales(self) -> StoredFormat | None:
        """Format in which scales of groups are stored; None if there are no scales."""
        return None if self.group_scale == "none" else stored_format(self.group_scale)

    def stored_weights(self, narrow: bool) -> StoredFormat:
        """Return the format in which the weights of a product are stored, wide or narrow."""
        return stored_format(self.narrow_weights) if narrow else self.macro.weights

    @property
    def weight_formats(self) -> tuple[StoredFormat, ...]:
        """Formats that the weights of a product can have, that of the macro first."""
        return (self.macro.weights, *([] if self.narrow_weights == "none" else [self.stored_weights(True)]))

    @property
    def scale_bits(self) -> int:
        """Number of bits of a scale that count, of the 8 bits in memory."""
        return self._largest_scale_code.bit_length()

    @property
    def scale_growth_bits(self) -> int:
        """Number of bits by which scaling widens a sum."""
        return (self.largest_scale - 1).bit_length()

    @property
    def largest_scale(self) -> int:
        """Largest factor that a scale can be; 1 if there are no scales."""
        return int(self.scales.decode(self._largest_scale_code)) if self.scales else 1

    @property
    def _largest_scale_code(self) -> int:
        if self.scales is None:
            return 0
        return self.max_shift if self.scales == stored.SHIFT_E8M0 else self.scales.largest

    @property
    def max_accumulated_rows(self) -> int:
        """Maximum number of rows, over any number of weight loads, whose sum an accumulator holds exactly."""
        largest_product = (self.macro.largest_weight << self.macro.input_bits - 1) * self.largest_scale
        return ((1 << self.accumulator_bits - 1) - 1) // largest_product

    @property
    def grid_stages(self) -> int:
        """Number of pipeline registers from the macros to the sums over the grid's rows.

        One for each doubling of the rows that are added, first within groups, then over them, and one of the scales.
        """
        if not self.group_rows:
            return (self.grid_rows - 1).bit_length()
        return self.group_stages + GROUP_SCALE_LATENCY + (self.groups - 1).bit_length()

    @property
    def group_stages(self) -> int:
        """Number of pipeline registers of the adder trees over the rows of a group."""
        return (self.group_macros - 1).bit_length()

    @property
    def release_latency(self) -> int:
        """Cycles from the last slice of a bank to the first cycle in which the bank may be loaded again.

        Weights have been used long before the first word of a block can be there. Scales are used
        ``2 + macro.latency + group_stages`` cycles after the slice; such a word is written 4 cycles after the
        release at the earliest.
        """
        return self.macro.latency + self.group_stages - 1 if self.group_rows else 0

    @property
    def sum_latency(self) -> int:
        """Cycles from the start of a vector's last slice to its sums at the accumulators.

        Two input stages (buffer, input register), the macro, and the adders and scales of the grid.
        """
        return 2 + self.macro.latency + self.grid_stages

    @property
    def latency(self) -> int:
        """Cycles from the start of a vector to its first result word: slices, sums, result buffer and sender."""
        return self.macro.slices - 1 + self.sum_latency + 2

    @property
    def macs_per_cycle(self) -> float:
        """Number of multiply-accumulates in a cycle at full use."""
        return self.rows * self.columns / self.macro.slices

    def weight_beats_per_row(self, columns: int, narrow: bool = False) -> int:
        """Number of beats of the weight stream that carry one row of ``columns`` weights."""
        return divide_up(columns * self.stored_weights(narrow).bits, self.weight_bus_bits)

    def scale_beats(self, columns: int) -> int:
        """Number of beats of the weight stream that carry the scales, 8 bits each, of one group of ``columns``
        columns."""
        return divide_up(8 * columns, self.weight_bus_bits) if self.group_rows else 0

    def block_groups(self, rows: int) -> int:
        """Number of groups of a block of ``rows`` rows whose scales are loaded with the block."""
        return divide_up(rows, self.group_rows) if self.group_rows else 0

    def block_beats(self, rows: int, columns: int, narrow: bool = False) -> int:
        """Number of beats of the weight stream that carry a block, scales included."""
        return self.block_groups(rows) * self.scale_beats(columns) + rows * self.weight_beats_per_row(columns, narrow)

    def activation_beats(self, rows: int) -> int:
        """Number of beats of the activation stream that carry one vector of ``rows`` activations."""
        return divide_up(rows * self.macro.input_bits, self.activation_bus_bits)

    @property
    def results_per_beat(self) -> int:
        """Number of results in a beat of the result stream, a power of two."""
        return self.result_bus_bits // self.accumulator_bits

    def result_beats(self, columns: int) -> int:
        """Number of beats of the result stream that carry one vector of ``columns`` results."""
        return divide_up(columns, self.results_per_beat)
