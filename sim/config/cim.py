"""Digital compute-in-memory (CIM): macro, tile and array.

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


class MacroConfig(Frozen):
    """One digital CIM macro: a matrix of signed weights that multiplies bit-serial signed activations."""

    rows: Annotated[int, Field(ge=2, le=1024)]
    """Inputs of a dot product."""
    columns: Annotated[int, Field(ge=1, le=1024)]
    """Dot products at a time."""
    weight_bits: Literal[4, 8]
    """Width of a two's-complement weight."""
    input_bits: Literal[4, 8]
    """Width of a two's-complement activation."""
    input_bits_per_cycle: Literal[1, 2, 4] = 1
    """Bits of each activation taken a cycle, most significant first."""
    weight_banks: Annotated[int, Field(ge=2, le=8)] = 2
    """Weight matrices held: one computes while the others load."""
    tree_levels_per_stage: Annotated[int, Field(ge=1, le=32)] = 5
    """Full-adder levels between two pipeline registers of the adder tree."""

    @property
    def slices(self) -> int:
        """Cycles that one input vector occupies the macro (its initiation interval)."""
        return self.input_bits // self.input_bits_per_cycle

    @property
    def result_bits(self) -> int:
        """Width of a dot product: exact, since ``rows`` products of ``weight_bits + input_bits`` bits are added."""
        return self.weight_bits + self.input_bits + (self.rows - 1).bit_length()

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
        if self.accumulator_bits < self.sum_bits:
            raise ValueError(
                f"accumulator_bits = {self.accumulator_bits} is not allowed: one vector of {self.rows} products of "
                f"{macro.weight_bits} x {macro.input_bits} bits needs {self.sum_bits}"
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
        """Width of the sum over the grid's rows."""
        return self.macro.weight_bits + self.macro.input_bits + (self.rows - 1).bit_length()

    @property
    def max_accumulated_rows(self) -> int:
        """Most rows, over any number of weight loads, whose sum an accumulator holds exactly."""
        largest_product = 1 << (self.macro.weight_bits + self.macro.input_bits - 2)
        return ((1 << self.accumulator_bits - 1) - 1) // largest_product

    @property
    def grid_stages(self) -> int:
        """Pipeline registers of the adder tree over the grid's rows: one for each doubling."""
        return (self.grid_rows - 1).bit_length()

    @property
    def sum_latency(self) -> int:
        """Cycles from the start of a vector's last slice to its sums at the accumulators.

        Two input stages (buffer, input register), the macro, and the adders of the grid.
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

    def activation_beats(self, rows: int) -> int:
        """Beats of the activation stream that carry one vector of ``rows`` activations."""
        return divide_up(rows * self.macro.input_bits, self.activation_bus_bits)

    def result_beats(self, columns: int) -> int:
        """Beats of the result stream that carry one vector of ``columns`` results."""
        return divide_up(columns * self.accumulator_bits, self.result_bus_bits)


class CIMArrayConfig(Frozen):
    """Equal tiles that share one weight memory and one activation memory."""

    tiles: Annotated[int, Field(ge=1, le=1024)]
    tile: TileConfig

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates a cycle at full use."""
        return self.tiles * self.tile.macs_per_cycle
