"""Functional coverage: points, each with bins that are known before anything runs, and how often each bin was hit.

A library does not fit here. cocotb-coverage 2.0 goes with cocotb 2, and its points are decorators of functions that a
simulation calls, in one database of the process: each call compares a value with every bin, a value without a bin is
dropped in silence, and databases are merged as files. What is to be counted here is known outside simulations, from
layouts, enumerations and the exact models; a value without a bin must be an error; and databases are added.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Hole:
    """A bin that nothing has hit."""

    point: str
    bin: str

    def __str__(self) -> str:
        return f"{self.point}: {self.bin}"


class Coverage:
    """Number of hits of each bin of each point."""

    def __init__(self) -> None:
        self.points: dict[str, dict[str, int]] = {}

    def declare(self, point: str, bins: Iterable[object]) -> None:
        """Make bins of a point known; those that are known already keep their hits."""
        known = self.points.setdefault(point, {})
        for name in bins:
            known.setdefault(str(name), 0)

    def hit(self, point: str, name: object, count: int = 1) -> None:
        """Count hits of a bin.

        Raises
        ------
        KeyError
            If the point or the bin is not declared.
        """
        bins = self.points[point]
        if str(name) not in bins:
            raise KeyError(f"{point}: no bin {name}")
        bins[str(name)] += int(count)

    def add(self, other: "Coverage") -> None:
        """Add the bins and the hits of another coverage."""
        for point, bins in other.points.items():
            self.declare(point, bins)
            for name, count in bins.items():
                self.points[point][name] += count

    def holes(self) -> Iterator[Hole]:
        """Yield the bins without a hit."""
        for point, bins in self.points.items():
            yield from (Hole(point, name) for name, count in bins.items() if not count)

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return the hits of each bin, by point."""
        return {point: dict(bins) for point, bins in self.points.items()}


@dataclass(frozen=True)
class Explanation:
    """Reason why some bins cannot be hit, or need not be.

    Parameters
    ----------
    holes : str
        The holes, ``point: bin``, as a pattern in which ``*`` stands for anything.
    reason : str
        Whole sentence.
    """

    holes: str
    reason: str

    def fits(self, hole: Hole) -> bool:
        """Return whether the reason is one for a hole."""
        return fnmatchcase(str(hole), self.holes.replace("[", "[[]"))


@dataclass(frozen=True)
class Explained:
    """Holes with their reasons, holes without, and reasons without a hole."""

    holes: Mapping[Hole, Explanation]
    open: tuple[Hole, ...]
    unused: tuple[Explanation, ...]


def explain(holes: Iterable[Hole], explanations: Iterable[Explanation]) -> Explained:
    """Return which holes have a reason; the first that fits counts."""
    explanations = tuple(explanations)
    found: dict[Hole, Explanation] = {}
    left = []
    for hole in holes:
        reason = next((each for each in explanations if each.fits(hole)), None)
        if reason is None:
            left.append(hole)
        else:
            found[hole] = reason
    used = set(found.values())
    return Explained(found, tuple(left), tuple(each for each in explanations if each not in used))
