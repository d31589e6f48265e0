"""Explores a space: the whole flow from a space to the Pareto front of designs that the exact model has run."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilewright import __version__
from tilewright.base.errors import ConfigError
from tilewright.base.executor import executor
from tilewright.mapping.explore.by_bounds import by_bounds
from tilewright.mapping.explore.by_estimates import by_estimates
from tilewright.mapping.explore.exact import run_exact
from tilewright.mapping.explore.front import front
from tilewright.mapping.explore.gains import gains, run_variants
from tilewright.mapping.explore.objectives import OBJECTIVES, Sums, within
from tilewright.mapping.explore.prompts import MOST_PROGRAMS, programs_of
from tilewright.mapping.explore.refusals import refusals
from tilewright.mapping.explore.result import Exploration, FrontPoint
from tilewright.mapping.explore.runs import ExactRuns
from tilewright.mapping.explore.search import Found
from tilewright.mapping.explore.space import Space
from tilewright.mapping.explore.study import Study
from tilewright.mapping.models.phases import DECODE


@dataclass(frozen=True)
class ExplorationProgress:
    """State of a part of an exploration."""

    what: str
    """``designs`` that are estimated, or ``exact runs``."""
    done: int
    total: int
    front: int
    """Number of designs on the front so far, by estimates."""
    per_second: float
    """Rate since the part began in this process."""


def explore(
    space: Space,
    *,
    study: Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    seed: int = 0,
    watch: Callable[[ExplorationProgress], None] | None = None,
) -> Exploration:
    """Return the Pareto front of a space, each point of which the exact model has run.

    Parameters
    ----------
    study : Path, optional
        File in which all that is finished is kept: an exploration that was ended goes on from there.
    workers, scheduler
        Where the exact model runs, as in :func:`tilewright.base.executor.executor`. Results do not depend on it.
    seed : int
        Seed of NSGA-II.
    watch : callable, optional
        Function that is told how far the exploration is.

    Raises
    ------
    ConfigError
        If the study cannot be used, no design is within the constraints, or too many may be on the front.
    """
    identity = {"version of Tilewright": __version__, "space": space.identity, "seed": str(seed)}
    clock = _Clock(watch)
    with (
        closing(Study(study, identity)) as kept,
        executor(run_exact, workers=workers, scheduler=scheduler) as execute,
    ):
        # The exact model runs every design that may be on the front, by estimates or, where there are none, by bounds.
        runs = ExactRuns(space, kept, execute, clock.runs)
        if space.search.method == "bounds" or not _estimated(space):
            found = by_bounds(space, runs, clock.bounds)
        else:
            found = by_estimates(space, runs, study=kept, seed=seed, watch=clock.designs)

        # What is left is exact: the front, and what more of each resource gives there.
        exact = runs.sums(found.numbers)
        good = within(exact, space.constraints)
        if not good.any():
            raise ConfigError(f"no design is within the constraints: {len(good)} that might have been were run")
        numbers, exact, known = found.numbers[good], exact.part(good), found.estimated.part(good)
        costs = exact.costs(space.names)
        _, first, counts = np.unique(costs, axis=0, return_index=True, return_counts=True)
        best = front(costs[first])
        run_variants(runs, [int(number) for number in numbers[first[best]]])
        points = tuple(
            _point(space, runs, int(numbers[at[0]]), exact.part(at), known.part(at), int(count) - 1)
            for at, count in zip(first[best, None], counts[best], strict=True)
        )
        weights = np.array(list(space.objectives.values()))
        return Exploration(
            space=space,
            method=found.method,
            seed=seed,
            legal=found.legal,
            evaluated=found.evaluated,
            refusals=refusals(space),
            candidates=len(found.numbers),
            exact_runs=len(runs.outcomes),
            estimate_seconds=found.cpu_seconds,
            exact_seconds=sum(outcome["cpu_seconds"] for outcome in runs.outcomes.values()),
            error=found.error,
            front=points,
            recommended=points[int(np.argmin(costs[first[best]] @ weights))],
            ran=exact,
        )


def _estimated(space: Space) -> bool:
    """Return whether there are estimates of everything that a space compares."""
    # Energies and areas are estimated in one process, and products on the CIM array alone.
    one_process = space.process is not None or "process" not in space.choices
    # Of prompts, each program is compiled.
    few_programs = programs_of(space) <= MOST_PROGRAMS or all(run.phase == DECODE for run in space.runs)
    on_array = space.base.cim is not None and not space.base.engine_rules
    return one_process and few_programs and on_array


def _point(space: Space, runs: ExactRuns, number: int, exact: Sums, estimated: Sums, equal: int) -> FrontPoint:
    outcomes = runs.of(number)
    known = [name for name in OBJECTIVES if np.isfinite(exact.values(name)[0] + estimated.values(name)[0])]
    longest = max(range(len(outcomes)), key=lambda at: outcomes[at]["seconds"] * space.runs[at].weight)
    return FrontPoint(
        number=number,
        changes=space.designs(np.array([number])).changes(0),
        objectives={name: float(exact.values(name)[0]) for name in known},
        estimate={name: float(estimated.values(name)[0]) for name in known},
        binding=outcomes[longest]["binding"],
        bound_fraction=outcomes[longest]["bound_fraction"],
        runs=tuple(outcomes),
        equal=equal,
        gains=gains(space, runs, number),
    )


class _Clock:
    """Turns what is done into progress, with the rate of this process."""

    def __init__(self, watch: Callable[[ExplorationProgress], None] | None):
        self._watch = watch
        self._begin: tuple[str, int, float] | None = None
        self._front = 0

    def designs(self, found: Found, done: int, total: int) -> None:
        """Take how many designs were estimated."""
        self._front = found.front_size
        self._tell("designs", done, total)

    def bounds(self, done: int, total: int) -> None:
        """Take of how many designs the bounds are known."""
        self._tell("designs", done, total)

    def runs(self, done: int, total: int) -> None:
        """Take how many exact runs there are."""
        self._tell("exact runs", done, total)

    def _tell(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if self._begin is None or self._begin[0] != what or done < self._begin[1]:
            self._begin = what, done, now
        _, first, begin = self._begin
        if self._watch:
            self._watch(ExplorationProgress(what, done, total, self._front, (done - first) / max(now - begin, 1e-9)))
