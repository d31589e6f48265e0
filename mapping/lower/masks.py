"""Masks: terms of scores that hide positions from rows, before a sliding window or after the row's own position."""

import numpy as np

from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.steps import Matrix

from .lowering import Lowering

HIDDEN = -1e30
"""Term of a score that makes its probability 0."""


def mask_rows(lowering: Lowering, operator: Operator, start: int, positions: int) -> Matrix:
    """Return the part of a mask for some of the positions that are read, a row for each token."""
    if not operator.every_position:
        mask = lowering.constant(operator.name, operator.m, operator.n, operator=operator)
        return mask.part(columns=slice(start, start + positions))
    columns = row_columns(operator)
    if operator.name not in lowering.buffers:
        # Only what a block needs is loaded, as of a state.
        lowering.state(operator.name, operator.variants, columns, stored.FP32, operator.variants, operator)
    rest = operator.position % operator.variants
    assert rest + operator.m <= operator.variants, f"{operator.name}: {operator.variants} rows"
    first = rest * columns + middle(operator) - (operator.position - rest)
    return Matrix(lowering.buffers[operator.name], operator.m, positions, stride=columns, offset=first)


def serves_every_position(operator: object) -> bool:
    """Return whether an operator is a mask for every position."""
    return isinstance(operator, Operator) and operator.kind is Kind.CONSTANT and operator.every_position


def mask_contents(operator: Operator) -> np.ndarray:
    """Return the elements of a mask as numbers.

    A mask for every position has ``variants`` rows, for the positions t whose rest is the row's number: from element
    ``capacity - (t - rest)`` on, with the capacity rounded up to whole variants, the row is that of t. So what the
    position shifts is a multiple of the variants, where a load and a step of the vector unit can begin.
    """
    if not operator.every_position:
        rows, columns = np.arange(operator.m)[:, None], np.arange(operator.n)
        before = operator.first + columns <= operator.position + rows - operator.window
        return np.where(before, HIDDEN, 0.0)
    rest, columns = np.arange(operator.variants)[:, None], np.arange(row_columns(operator))
    # Number of positions by which a position comes after that of the row.
    after = columns - middle(operator) - rest
    hidden = after > 0
    if operator.window:
        hidden |= after <= -operator.window
    return np.where(hidden, HIDDEN, 0.0)


def row_columns(operator: Operator) -> int:
    """Return the elements in a row of a mask for every position."""
    return middle(operator) + operator.block + operator.variants


def middle(operator: Operator) -> int:
    """Return the element of a row that is the row's own position if that is less than the number of variants."""
    return -(-operator.capacity // operator.variants) * operator.variants
