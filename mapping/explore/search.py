"""The search of a space by estimates: it leaves the designs that may be on the front of the exact model.

A design is left out if another one dominates it even when the estimates of both are off by the largest error, in the
directions that would bring the two together; or if it would break a constraint even then.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.base.cache import content_hash
from tilewright.mapping.explore.front import boxes, dominated, front
from tilewright.mapping.explore.objectives import Sums, distances, within
from tilewright.mapping.explore.space import Space
from tilewright.mapping.explore.study import Study
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.results import Results

CHUNK = 1 << 17
"""Number of designs that are estimated at once."""
KEEP_SECONDS = 5.0
"""Time after which the study gets what the search has found since."""
EXHAUSTIVE_DESIGNS = 10_000_000
"""Number of legal designs above which a space is not searched as a whole, unless its description asks for it."""
COUNTED_DESIGNS = 200_000_000
"""Number of designs above which a space is not searched as a whole, legal or not."""

Source = Callable[[Designs], Results]
"""Function that estimates a run on many designs."""
Watch = Callable[["Found", int, int], None]
"""Function that is told what was found, how far the search has come, and how far it goes."""


@dataclass
class Found:
    """The designs that may be on the front, of all that were estimated so far."""

    space: Space
    error: float
    """Largest error of an estimate, as a fraction."""
    numbers: np.ndarray
    sums: Sums
    legal: int = 0
    """Number of legal designs, with room for the models, that were estimated."""
    cpu_seconds: float = 0.0
    evaluated: int = 0
    """Number of designs that were estimated, legal or not."""

    @classmethod
    def nothing(cls, space: Space, error: float) -> "Found":
        """Return the beginning of a search."""
        return cls(space, error, np.empty(0, np.int64), Sums.of(np.empty((4, 0))))

    def __post_init__(self) -> None:
        self._front = self._dominators(self.sums)
        self._looked_at = len(self.numbers)

    @property
    def front_size(self) -> int:
        """Number of designs on the front of the estimates, of those that are within the constraints for certain."""
        return len(self._front)

    def add(self, numbers: np.ndarray, sums: Sums) -> None:
        """Add legal designs, and leave out those that cannot be on the front."""
        names, apart = self.space.names, distances(self.space.names, self.error)
        self.legal += len(numbers)
        near = np.flatnonzero(within(sums, self.space.constraints, self.error))
        near = near[~dominated(sums.part(near).costs(names), self._front, apart)]
        new = sums.part(near)
        costs = np.concatenate([self._front, self._dominators(new)])
        self._front = costs[front(costs)]
        self.numbers = np.concatenate([self.numbers, numbers[near]])
        self.sums = Sums.of(np.concatenate([self.sums.table(), new.table()], axis=1))
        if len(self.numbers) > 2 * self._looked_at:
            self.leave_out()

    def leave_out(self) -> None:
        """Leave out designs that cannot be on the front by now; for an epsilon front, those that others stand for."""
        names = self.space.names
        costs = self.sums.costs(names)
        if self.space.search.epsilon is None:
            left = np.flatnonzero(~dominated(costs, self._front, distances(names, self.error)))
        else:
            # Designs that are within the constraints for certain need one of themselves.
            certain = np.flatnonzero(within(self.sums, self.space.constraints, -self.error))
            wide = self.space.search.epsilon
            left = np.union1d(boxes(costs, wide), certain[boxes(costs[certain], wide)])
        self.numbers, self.sums = self.numbers[left], self.sums.part(left)
        self._looked_at = len(left)

    def _dominators(self, sums: Sums) -> np.ndarray:
        """Return the front of the designs that are within the constraints for certain: they may rule others out."""
        costs = sums.part(within(sums, self.space.constraints, -self.error)).costs(self.space.names)
        return costs[front(costs)]


@dataclass(frozen=True)
class Estimator:
    """Estimates the runs of a space on its designs."""

    space: Space
    sources: Sequence[Source]
    """Estimates of each run of the space."""
    refused: np.ndarray
    """Numbers of designs that the compiler has refused although estimates find room."""

    def __call__(self, numbers: np.ndarray) -> tuple[np.ndarray, Sums]:
        """Return the numbers of the designs, of those given, that are legal and have room, and their sums."""
        designs = self.space.designs(numbers)
        good = np.ones(len(numbers), bool)
        if len(self.refused):
            good &= ~np.isin(numbers, self.refused)
        seconds, joules, tokens = np.zeros((3, len(numbers)))
        area = np.full(len(numbers), np.nan)
        with np.errstate(all="ignore"):  # numbers of designs that are not legal mean nothing
            for run, source in zip(self.space.runs, self.sources, strict=True):
                found = source(designs)
                good &= found.fits
                seconds += run.weight * found.seconds
                joules += run.weight * found.energy_at("mid") * 1e-12
                tokens += run.weight * run.tokens
                if self.space.process is not None:
                    area = found.areas.area_mm2
        return numbers[good], Sums(seconds, joules, tokens, area).part(good)


Batches = Iterator[tuple[int, np.ndarray, Sums]]
"""Batches of a search: how far it is after the batch, and the legal designs of the batch that are new, with their
sums."""


def search(
    space: Space,
    sources: Sequence[Source],
    *,
    error: float,
    refused: np.ndarray,
    seed: int,
    study: Study,
    watch: Watch,
) -> tuple[str, Found]:
    """Return the method of the search, and the designs that may be on the front.

    A space of at most ten million legal designs is estimated as a whole, a larger one searched by NSGA-II, unless its
    description names the method.
    """
    estimator = Estimator(space, sources, refused)
    key = content_hash([error, refused.tolist(), seed])
    method = space.search.method or ("exhaustive" if space.size <= COUNTED_DESIGNS else "nsga2")
    if method == "exhaustive":
        found, at = _begun(study, f"exhaustive {key}", space, error)
        most = space.size if space.search.method else EXHAUSTIVE_DESIGNS
        _run(found, _every(estimator, at), space.size, watch, study, f"exhaustive {key}", most)
        if found.legal <= most:
            return method, found
    from tilewright.mapping.explore.genetic import generations

    # Its generations follow from the seed, and take seconds: it begins again unless it was finished.
    total = space.search.population * space.search.generations
    found, at = _begun(study, f"nsga2 {key}", space, error)
    if at < total:
        found = Found.nothing(space, error)
        _run(found, generations(estimator, seed), total, watch, study, f"nsga2 {key}", space.size)
    return "nsga2", found


def _every(estimator: Estimator, begin: int) -> Batches:
    """Yield all designs of a space from a number on."""
    for at in range(begin, estimator.space.size, CHUNK):
        end = min(at + CHUNK, estimator.space.size)
        yield end, *estimator(np.arange(at, end))


def _begun(study: Study, key: str, space: Space, error: float) -> tuple[Found, int]:
    """Return what the study has of a search, and how far the search was."""
    if kept := study.position(key):
        at, legal, seconds, numbers, sums = kept
        return Found(space, error, numbers, Sums.of(sums), legal, seconds, at), at
    return Found.nothing(space, error), 0


def _run(found: Found, batches: Batches, total: int, watch: Watch, study: Study, key: str, most: int) -> None:
    """Add what a search yields, until it ends or has found more legal designs than ``most``."""
    begun, kept = time.process_time(), time.monotonic()
    watch(found, found.evaluated, total)
    for at, numbers, sums in batches:
        found.add(numbers, sums)
        found.evaluated = at
        now = time.process_time()
        found.cpu_seconds, begun = found.cpu_seconds + now - begun, now
        watch(found, at, total)
        if at == total:
            found.leave_out()
        if at == total or found.legal > most or time.monotonic() - kept > KEEP_SECONDS:
            study.reached(key, at, found.legal, found.cpu_seconds, found.numbers, found.sums.table())
            kept = time.monotonic()
        if found.legal > most:
            return
