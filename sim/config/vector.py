"""The vector unit, which runs every operator that is not a matrix product.

Latencies are here because hardware and exact model both need them: the RTL refuses to be built with others.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from .base import Frozen
from .fp32 import ADD, MULTIPLY

READ = 1
"""Cycles from an address to its word."""
CONVERT = 3
"""Cycles from a stored code to FP32."""
FUNCTION = 10
"""Cycles of an elementwise function, the product of SiLU and GELU included."""
MASK = 1
"""Cycles of the mask stage."""
ENCODE = 2
"""Cycles from FP32 to a stored code."""
INVERSE = 6
"""Cycles of a reciprocal or of an inverse root."""


class VectorConfig(Frozen):
    """Parameters of the vector unit: a pipeline of equal lanes."""

    lanes: Literal[2, 4, 8, 16, 32, 64]
    """Number of elements that each pass takes in a cycle."""
    scalars: Annotated[int, Field(ge=16, le=65536)] = 256
    """Number of row scalars in each of the two files, a power of two."""
    address_bits: Annotated[int, Field(ge=8, le=32)] = 16
    """Width of a scratchpad address in bits; one step of the address is lanes bytes."""

    @field_validator("scalars")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(f"{value} is not allowed: it must be a power of two")
        return value

    @property
    def word_bits(self) -> int:
        """Width of a scratchpad word in bits: one FP32 number for each lane."""
        return 32 * self.lanes

    @property
    def element_address_bits(self) -> int:
        """Width of the index of an FP32 number in the scratchpad in bits."""
        return self.address_bits - 2 + self.levels

    @property
    def value_latency(self) -> int:
        """Cycles from the address of A to y."""
        return READ + CONVERT + ADD + MULTIPLY + FUNCTION + MULTIPLY + ADD + MASK

    @property
    def levels(self) -> int:
        """Number of levels of an adder tree over the lanes."""
        return self.lanes.bit_length() - 1

    @property
    def sum_latency(self) -> int:
        """Cycles from the last y of a row to the sum of the row: tree, partial sums, and the sum of the partial
        sums."""
        return ADD * (self.levels + 1) + 3 * ADD - 1

    @property
    def maximum_latency(self) -> int:
        """Cycles from the last y of a row to the maximum of the row: keys, tree, and the maximum over the steps."""
        return self.levels + 2

    @property
    def linear_latency(self) -> int:
        """Cycles from a reduction to its linear scalar."""
        return MULTIPLY + ADD

    @property
    def inverse_latency(self) -> int:
        """Cycles from a reduction to its inverse."""
        return self.linear_latency + INVERSE

    @property
    def latency_cycles(self) -> int:
        """Cycles from the address of A to the cycle in which its result leaves for the scratchpad."""
        return self.value_latency + ENCODE
