"""The vector unit, which runs every operator that is not a matrix product.

Latencies are here because hardware and cycle model both build on them: the RTL refuses to be built with others.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from .base import Frozen
from .fp32 import ADD, MULTIPLY

START = 3
"""Cycles from a command being taken to its first address."""
READ = 1
"""From an address to its word."""
CONVERT = 3
"""From a stored code to FP32."""
FUNCTION = 10
"""Of an elementwise function, the product of SiLU and GELU included."""
MASK = 1
"""Of leaving out what is masked."""
ENCODE = 2
"""From FP32 to a stored code."""
INVERSE = 6
"""Of reciprocal and inverse root."""
INTERVAL = ADD
"""Partial sums of a row: one for each addition that is under way."""


class VectorConfig(Frozen):
    """A pipeline of equal lanes."""

    lanes: Literal[2, 4, 8, 16, 32, 64]
    """Elements taken a cycle in each pass over the data."""
    scalars: Annotated[int, Field(ge=16, le=65536)] = 256
    """Row scalars in each of the two files; a power of two."""
    address_bits: Annotated[int, Field(ge=8, le=32)] = 16
    """Of a scratchpad address, in units of ``lanes`` bytes."""

    @field_validator("scalars")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(f"{value} is not allowed: it must be a power of two")
        return value

    @property
    def word_bits(self) -> int:
        """Width of a scratchpad word: FP32 of all lanes."""
        return 32 * self.lanes

    @property
    def element_address_bits(self) -> int:
        """Of the place of an FP32 number in the scratchpad."""
        return self.address_bits - 2 + self.levels

    @property
    def value_latency(self) -> int:
        """Cycles from the address of A to y."""
        return READ + CONVERT + ADD + MULTIPLY + FUNCTION + MULTIPLY + ADD + MASK

    @property
    def levels(self) -> int:
        """Of a tree over the lanes."""
        return self.lanes.bit_length() - 1

    @property
    def sum_latency(self) -> int:
        """Cycles from the last y of a row to their sum: tree, partial sums, and the sum of these."""
        return ADD * (self.levels + 1) + 3 * ADD - 1

    @property
    def maximum_latency(self) -> int:
        """Cycles from the last y of a row to their maximum: keys, tree, and the maximum of the steps."""
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
        """Cycles from the address of A to its result on its way into the scratchpad."""
        return self.value_latency + ENCODE
