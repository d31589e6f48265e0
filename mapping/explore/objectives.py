"""Objectives: what is to be small or large about a design, a product of powers of its area and sums over its runs.

Designs are compared by the logarithms of their costs, in which a relative error is a distance: a cost is an objective
that is to be small, or the inverse of one that is to be large.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError, suggest


@dataclass(frozen=True)
class Objective:
    """A quantity of a design: seconds, joules and tokens of its runs, and its area, each to some power."""

    unit: str
    seconds: int = 0
    joules: int = 0
    tokens: int = 0
    area: int = 0

    @property
    def is_cost(self) -> bool:
        """Whether smaller is better."""
        return self.seconds + self.joules + self.area > 0


OBJECTIVES = {
    "latency_s": Objective("s", seconds=1),
    "energy_j": Objective("J", joules=1),
    "edp_js": Objective("Js", seconds=1, joules=1),
    "area_mm2": Objective("mm2", area=1),
    "tokens_per_s": Objective("tokens/s", seconds=-1, tokens=1),
    "tokens_per_j": Objective("tokens/J", joules=-1, tokens=1),
}
"""All objectives. Seconds, joules and tokens are sums over the runs of a space, each times its weight; joules are
those of the middle figures. The area is known where the base names its process."""


def check_objective(name: str) -> None:
    """Refuse the name of an objective that does not exist.

    Raises
    ------
    ConfigError
        If there is none; says which there are.
    """
    if name not in OBJECTIVES:
        raise ConfigError(f"'{name}' is not an objective{suggest(name, OBJECTIVES)}")


@dataclass(frozen=True, eq=False)
class Sums:
    """Seconds, joules, tokens and area of designs, as arrays with a number for each design."""

    seconds: np.ndarray
    joules: np.ndarray
    tokens: np.ndarray
    area: np.ndarray
    """Area in mm2; not a number where no process is named."""

    @classmethod
    def of(cls, table: np.ndarray) -> "Sums":
        """Return the sums from the rows of a table, as :meth:`table` has them."""
        seconds, joules, tokens, area = table
        return cls(seconds, joules, tokens, area)

    def values(self, name: str) -> np.ndarray:
        """Return an objective of each design."""
        how = OBJECTIVES[name]
        values = self.seconds**how.seconds * self.joules**how.joules * self.tokens**how.tokens
        return values * self.area if how.area else values

    def costs(self, names: Iterable[str]) -> np.ndarray:
        """Return the logarithm of the cost of each design, with a column for each objective."""
        columns = [np.log(self.values(name)) * (1 if OBJECTIVES[name].is_cost else -1) for name in names]
        return np.stack(columns, axis=1)

    def table(self) -> np.ndarray:
        """Return seconds, joules, tokens and area as the rows of one array."""
        return np.stack([self.seconds, self.joules, self.tokens, self.area])

    def part(self, chosen: np.ndarray) -> "Sums":
        """Return the sums of some of the designs, by a mask or by indices."""
        return Sums.of(self.table()[:, chosen])


def distances(names: Iterable[str], error: float) -> np.ndarray:
    """Return how far the logarithms of two designs' costs may come nearer, if estimates of either are off by ``error``.

    Seconds and joules may each be off by this fraction: one design's by as much above as the other's below. The area is
    exact. An error of 1 or more says nothing of a design. A negative error gives negative distances.
    """
    apart = np.copysign(np.log1p(abs(error)) - np.log1p(-abs(error)) if abs(error) < 1 else np.inf, error)
    powers = [abs(OBJECTIVES[name].seconds) + abs(OBJECTIVES[name].joules) for name in names]
    return np.array([power * apart if power else 0.0 for power in powers])


@dataclass(frozen=True)
class Limit:
    """Largest or smallest value that an objective may have."""

    at_most: float | None = None
    at_least: float | None = None

    def excess(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the factor by which each value is beyond the limit; within it, none is above 0."""
        over = np.full(len(values), -np.inf)
        if self.at_most is not None:
            over = np.maximum(over, np.log(values / self.at_most))
        if self.at_least is not None:
            over = np.maximum(over, np.log(self.at_least / values))
        return over


def within(sums: Sums, limits: Mapping[str, Limit], error: float = 0.0) -> np.ndarray:
    """Return which designs are within all limits.

    With an error, seconds and joules may be off by this fraction: those are returned that may be within, or, if the
    error is negative, those that are within nevertheless.
    """
    good = np.ones(len(sums.seconds), bool)
    for name, limit in limits.items():
        good &= limit.excess(sums.values(name)) <= distances([name], error)[0]
    return good


def may_be_within(least: Sums, limits: Mapping[str, Limit]) -> np.ndarray:
    """Return which designs may be within all limits, of those whose seconds and joules are at least as given."""
    good = np.ones(len(least.seconds), bool)
    for name, limit in limits.items():
        side = Limit(at_most=limit.at_most) if OBJECTIVES[name].is_cost else Limit(at_least=limit.at_least)
        good &= side.excess(least.values(name)) <= 0
    return good
