"""Digital compute-in-memory (CIM): macro and tile.

The pipeline depths that follow from a shape are properties here, because hardware and cycle model both build
on them: the RTL asserts that it has that many stages, and co-simulation that it takes that many cycles.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Frozen

BusBits = Annotated[int, Field(ge=8, le=4096)]


def divide_up(value: int, divisor: int) -> int:
    """Return the quotient rounded up."""
    return -(-value // divisor)


def dadda_levels(height: int) -> int:
    """Return how many levels of full adders bring ``height`` bits of equal weight down to two.

    The heights 2, 3, 4, 6, 9, 13, ... of L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34,
    1965: each is the one before times 3/2, rounded down.
    """
    levels, reachable = 0, 2
    while reachable < height:
        levels, reachable = levels + 1, reachable * 3 // 2
    return levels


GROUP_SCALE_LATENCY = 1
"""Cycles from a group's dot products to their products with its scale."""


class MacroConfig(Frozen):
    """One digital CIM macro: a matrix of weights that multiplies bit-serial signed activations."""

    rows: Annotated[int, Field(ge=2, le=1024)]
    """Inputs of a dot product."""
    columns: Annotated[int, Field(ge=1, le=1024)]
    """Dot products at a time."""
    weight_bits: Literal[4, 8]
    """Width of a weight in memory."""
    weight_format: Literal["int", "fp4_e2m1"] = "int"
    """What a weight is: two's complement, or E2M1 of OCP MX, in units of 1/2 an integer from -12 to 12."""
    input_bits: Literal[4, 8]
    """Width of a two's-complement activation."""
    input_bits_per_cycle: Literal[1, 2, 4] = 1
    """Bits of each activation taken a cycle, most significant first."""
    weight_banks: Annotated[int, Field(ge=2, le=8)] = 2
    """Weight matrices held: one computes while the others load."""
    tree_levels_per_stage: Annotated[int, Field(ge=1, le=32)] = 5
    """Full-adder levels between two pipeline registers of the adder tree."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weight_format == "fp4_e2m1" and self.weight_bits != 4:
            raise ValueError(f"weight_bits = {self.weight_bits} is not allowed: weights of fp4_e2m1 have 4")
        return self

    @property
    def cell_bits(self) -> int:
        """Width of a weight in the macro, in two's complement: fp4_e2m1 is stored decoded."""
        return 5 if self.weight_format == "fp4_e2m1" else self.weight_bits

    @property
    def largest_weight(self) -> int:
        """Largest magnitude of a weight."""
        return 12 if self.weight_format == "fp4_e2m1" else 1 << self.weight_bits - 1

    @property
    def slices(self) -> int:
        """Cycles that one input vector occupies the macro (its initiation interval)."""
        return self.input_bits // self.input_bits_per_cycle

    @property
    def result_bits(self) -> int:
        """Width of a dot product: exact, since ``rows`` products of ``cell_bits + input_bits`` bits are added."""
        return self.dot_bits(self.rows)

    def dot_bits(self, rows: int) -> int:
        """Width of the sum of ``rows`` products."""
        return self.cell_bits + self.input_bits + (rows - 1).bit_length()

    @property
    def tree_levels(self) -> int:
        """Full-adder levels that reduce ``rows`` one-bit products."""
        return dadda_levels(self.rows)

    @property
    def merge_levels(self) -> int:
        """Full-adder levels that join the trees of ``input_bits_per_cycle`` bits with the sign correction."""
        return dadda_levels(2 * self.input_bits_per_cycle + 1)

    @property
    def tree_stages(self) -> int:
        """Pipeline registers of the adder tree."""
        return divide_up(self.tree_levels + self.merge_levels, self.tree_levels_per_stage)

    @property
    def latency(self) -> int:
        """Cycles from the last slice of a vector at the input to its dot products at the output."""
        return self.tree_stages + 1


class TileConfig(Frozen):
    """A grid of macros with an input buffer, accumulators and a result buffer, behind four streams."""

    macro: MacroConfig
    grid_rows: Annotated[int, Field(ge=1, le=16)] = 1
    """Macros whose dot products are added."""
    grid_columns: Annotated[int, Field(ge=1, le=16)] = 1
    """Macros that share their inputs."""
    weight_bus_bits: BusBits = 64
    """Bits of weights loaded a cycle: a power of two of weights, dividing one row of the tile."""
    activation_bus_bits: BusBits = 64
    """Bits of activations taken a cycle: a power of two of activations, dividing one input vector of the tile."""
    result_bus_bits: BusBits = 64
    """Bits of results sent a cycle: a power of two of results, dividing one result vector of the tile."""
    input_buffer_vectors: Annotated[int, Field(ge=2, le=4096)] = 4
    """Input vectors held ahead of computing."""
    accumulator_vectors: Annotated[int, Field(ge=1, le=65536)] = 16
    """Result vectors held as partial sums."""
    accumulator_bits: Annotated[int, Field(ge=8, le=64)] = 32
    """Width of a partial sum and of a result."""
    result_buffer_vectors: Annotated[int, Field(ge=1, le=64)] = 2
    """Finished result vectors held for the result stream."""
    command_queue_depth: Annotated[int, Field(ge=1, le=64)] = 4
    """Commands that loading may run ahead of computing."""
    group_scale: Literal["none", "uint8", "e8m0"] = "none"
    """What each group of weights of a column is scaled with: a factor 0 to 255, or a power of two by ``max_shift``."""
    group_rows: Literal[0, 32, 64, 128] = 0
    """Rows of a group; 0 without scales."""
    max_shift: Literal[3, 7, 15, 31] = 15
    """Largest e8m0 scale: dot products are shifted left by 0 to this, given relative to a base of the column."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        macro = self.macro
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
        """Inputs of a dot product over the whole grid."""
        return self.grid_rows * self.macro.rows

    @property
    def columns(self) -> int:
        """Dot products at a time over the whole grid."""
        return self.grid_columns * self.macro.columns

    @property
    def sum_bits(self) -> int:
        """Width of the sum over the grid's rows, scaled."""
        return self.macro.dot_bits(self.rows) + self.scale_growth_bits

    @property
    def groups(self) -> int:
        """Groups of rows with a scale of their own; 1 without scales."""
        return divide_up(self.rows, self.group_rows) if self.group_rows else 1

    @property
    def group_macros(self) -> int:
        """Rows of the grid that belong to a group."""
        return self.grid_rows // self.groups

    @property
    def scale_bits(self) -> int:
        """Bits of a scale that count, of the 8 in memory."""
        return {"none": 0, "uint8": 8, "e8m0": self.max_shift.bit_length()}[self.group_scale]

    @property
    def scale_growth_bits(self) -> int:
        """Bits by which scaling widens a sum."""
        return {"none": 0, "uint8": 8, "e8m0": self.max_shift}[self.group_scale]

    @property
    def largest_scale(self) -> int:
        """Largest factor of a scale; 1 without scales."""
        return {"none": 1, "uint8": 255, "e8m0": 1 << self.max_shift}[self.group_scale]

    @property
    def max_accumulated_rows(self) -> int:
        """Most rows, over any number of weight loads, whose sum an accumulator holds exactly."""
        largest_product = (self.macro.largest_weight << self.macro.input_bits - 1) * self.largest_scale
        return ((1 << self.accumulator_bits - 1) - 1) // largest_product

    @property
    def grid_stages(self) -> int:
        """Pipeline registers from the macros to the sums over the grid's rows.

        One for each doubling of the rows that are added, first within groups, then over them, and one of the scales.
        """
        if not self.group_rows:
            return (self.grid_rows - 1).bit_length()
        return self.group_stages + GROUP_SCALE_LATENCY + (self.groups - 1).bit_length()

    @property
    def group_stages(self) -> int:
        """Pipeline registers of the adder trees over the rows of a group."""
        return (self.group_macros - 1).bit_length()

    @property
    def release_latency(self) -> int:
        """Cycles from a bank's last slice until it may be loaded anew.

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
        """Cycles from the start of a vector to its first result word: slices, sums, buffer and sender."""
        return self.macro.slices - 1 + self.sum_latency + 2

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates a cycle at full use."""
        return self.rows * self.columns / self.macro.slices

    def weight_beats_per_row(self, columns: int) -> int:
        """Beats of the weight stream that carry one row of ``columns`` weights."""
        return divide_up(columns * self.macro.weight_bits, self.weight_bus_bits)

    def scale_beats(self, columns: int) -> int:
        """Beats of the weight stream that carry the scales, 8 bits each, of one group of ``columns`` columns."""
        return divide_up(8 * columns, self.weight_bus_bits) if self.group_rows else 0

    def block_groups(self, rows: int) -> int:
        """Groups of a block of ``rows`` rows whose scales are loaded with it."""
        return divide_up(rows, self.group_rows) if self.group_rows else 0

    def block_beats(self, rows: int, columns: int) -> int:
        """Beats of the weight stream that carry a block, scales included."""
        return self.block_groups(rows) * self.scale_beats(columns) + rows * self.weight_beats_per_row(columns)

    def activation_beats(self, rows: int) -> int:
        """Beats of the activation stream that carry one vector of ``rows`` activations."""
        return divide_up(rows * self.macro.input_bits, self.activation_bus_bits)

    def result_beats(self, columns: int) -> int:
        """Beats of the result stream that carry one vector of ``columns`` results."""
        return divide_up(columns * self.accumulator_bits, self.result_bus_bits)
