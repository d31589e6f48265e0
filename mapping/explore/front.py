"""Pareto fronts of designs, from the logarithms of their costs: a row for each design, a column for each objective."""

import numpy as np

CHUNK = 1 << 16


def front(costs: np.ndarray) -> np.ndarray:
    """Return the indices of the designs that no other design dominates, in their order; equal ones are all there.

    A design dominates another if none of its costs is larger, and one is smaller.
    """
    # In the order of their sums, no design is dominated by a later one.
    order = np.lexsort((*costs.T[::-1], costs.sum(axis=1)))
    kept = np.empty(0, np.intp)
    for begin in range(0, len(order), CHUNK):
        new = order[begin : begin + CHUNK]
        new = new[~dominated(costs[new], costs[kept])]
        alive = np.ones(len(new), bool)
        for at in range(len(new)):
            if alive[at]:
                rest = at + 1 + np.flatnonzero(alive[at + 1 :])
                alive[rest[dominated(costs[new[rest]], costs[new[at : at + 1]])]] = False
        kept = np.concatenate([kept, new[alive]])
    return np.sort(kept)


def dominated(costs: np.ndarray, by: np.ndarray, distance: np.ndarray | float = 0.0) -> np.ndarray:
    """Return which designs are dominated by one of others even if each of its costs grows by ``distance``."""
    found = np.zeros(len(costs), bool)
    left = np.arange(len(costs))
    # The others with the smallest sums dominate most: few designs are left after them.
    for row in by[np.argsort(by.sum(axis=1), kind="stable")] + distance:
        below = np.ones(len(left), bool)
        smaller = np.zeros(len(left), bool)
        for column, cost in enumerate(row):
            values = costs[left, column]
            below &= cost <= values
            smaller |= cost < values
        below &= smaller
        if below.any():
            found[left[below]] = True
            left = left[~below]
    return found


def boxes(costs: np.ndarray, epsilon: float) -> np.ndarray:
    """Return the indices of designs that stand for all: each design has one whose costs are at most 1 + epsilon larger.

    The space of costs is divided into boxes that are a factor of 1 + epsilon wide. Each box that no other box dominates
    is represented by the design in it whose costs have the smallest product.
    """
    cells = np.floor(costs / np.log1p(epsilon))
    order = np.argsort(costs.sum(axis=1), kind="stable")
    first = order[np.sort(np.unique(cells[order], axis=0, return_index=True)[1])]
    return np.sort(first[front(cells[first])])
