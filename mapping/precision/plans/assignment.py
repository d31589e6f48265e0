"""Assignment of a storage to each matrix: the least loss that a budget of bits allows, if losses add up."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError

from .storage import WeightStorage

Assignment = dict[str, WeightStorage]
"""Storage of each matrix, by name."""


@dataclass(frozen=True)
class Choice:
    """A storage that some matrices may have."""

    storage: WeightStorage
    bits: float
    loss: float


def assign(choices: Mapping[str, Sequence[Choice]], budget_bits: float) -> Assignment:
    """Return a storage for each name with the least sum of losses whose bits are within a budget.

    Starts from the fewest bits, and goes on where the loss falls most for each bit, along the lower convex hull of the
    choices of each name. That is optimal except for the bits that are left at the end (Everett's Lagrange multipliers).

    Raises
    ------
    ConfigError
        If the fewest bits are more than the budget.
    """
    hulls = {name: _hull(each) for name, each in choices.items()}
    spent = sum(hull[0].bits for hull in hulls.values())
    if spent > budget_bits:
        raise ConfigError(
            f"budget = {budget_bits / 8:,.0f} bytes is not allowed: with these formats the weights take at least "
            f"{spent / 8:,.0f}"
        )
    steps = [(_slope(hull, 0), name, 0) for name, hull in hulls.items() if len(hull) > 1]
    heapq.heapify(steps)
    chosen = dict.fromkeys(hulls, 0)
    while steps:
        _, name, at = heapq.heappop(steps)
        hull = hulls[name]
        more = hull[at + 1].bits - hull[at].bits
        if spent + more > budget_bits:
            continue
        spent += more
        chosen[name] = at + 1
        if at + 2 < len(hull):
            heapq.heappush(steps, (_slope(hull, at + 1), name, at + 1))
    return {name: hulls[name][at].storage for name, at in chosen.items()}


def random_assignment(choices: Mapping[str, Sequence[Choice]], budget_bits: float, seed: int) -> Assignment:
    """Return a random assignment within a budget: a matrix after the other gets a random step up to more bits, as long
    as there is one that fits. The choices are those of :func:`assign`, along the hull of each matrix."""
    rng = np.random.default_rng(seed)
    ordered = {name: _hull(each) for name, each in choices.items()}
    chosen = dict.fromkeys(ordered, 0)
    spent = sum(each[0].bits for each in ordered.values())
    names = list(ordered)
    while names:
        name = names[int(rng.integers(len(names)))]
        at = chosen[name]
        fitting = [
            index
            for index, each in enumerate(ordered[name])
            if index > at and spent + each.bits - ordered[name][at].bits <= budget_bits
        ]
        if not fitting:
            names.remove(name)
            continue
        chosen[name] = fitting[int(rng.integers(len(fitting)))]
        spent += ordered[name][chosen[name]].bits - ordered[name][at].bits
    return {name: ordered[name][at].storage for name, at in chosen.items()}


def _hull(choices: Sequence[Choice]) -> list[Choice]:
    """Return the lower convex hull of choices, from the fewest bits to the least loss."""
    hull: list[Choice] = []
    for choice in sorted(choices, key=lambda each: (each.bits, each.loss)):
        if hull and choice.loss >= hull[-1].loss:
            continue
        while len(hull) > 1 and _slope([hull[-1], choice], 0) <= _slope([hull[-2], hull[-1]], 0):
            hull.pop()
        if hull and hull[-1].bits == choice.bits:
            hull.pop()
        hull.append(choice)
    return hull


def _slope(hull: Sequence[Choice], at: int) -> float:
    """Return the change of the loss for each bit from one choice to the next, below 0."""
    return (hull[at + 1].loss - hull[at].loss) / max(hull[at + 1].bits - hull[at].bits, 1e-9)
