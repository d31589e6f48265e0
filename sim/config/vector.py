"""The vector unit, which runs every operator that is not a matrix product."""

from typing import Annotated

from pydantic import Field

from .base import Frozen


class VectorConfig(Frozen):
    """A pipeline of equal lanes.

    Not in RTL yet: its throughput is stated here, not measured.
    """

    lanes: Annotated[int, Field(ge=1, le=65536)]
    """Elements taken a cycle in each pass over the data."""
    latency_cycles: Annotated[int, Field(ge=1, le=10_000)]
    """Cycles from the last element of a pass to its result."""
