"""Candidates by estimates: the designs that may be on the front, given how far estimates are off, all of them run."""

from collections.abc import Sequence

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.candidates import Candidates
from tilewright.mapping.explore.objectives import OBJECTIVES, Sums
from tilewright.mapping.explore.prompts import PromptEstimates
from tilewright.mapping.explore.refusals import first_refusal
from tilewright.mapping.explore.result import EstimateError
from tilewright.mapping.explore.runs import ExactRuns
from tilewright.mapping.explore.search import Estimator, Found, Source, Watch, search
from tilewright.mapping.explore.space import ModelRun, Space
from tilewright.mapping.explore.study import Study
from tilewright.mapping.models.phases import DECODE
from tilewright.mapping.models.workload import workload
from tilewright.sim.estimate.estimate import estimate
from tilewright.sim.estimate.measured import measured_error


def by_estimates(space: Space, runs: ExactRuns, *, study: Study, seed: int, watch: Watch) -> Candidates:
    """Return the designs that may be on the front if no estimate is off by more than any that was seen.

    Raises
    ------
    ConfigError
        If no design is legal or within the constraints, or too many would have to be run.
    """
    sources = [estimates_of(run) for run in space.runs]
    stated = [measured_error(run.phase) for run in space.runs]
    margin = max(each.worst for each in stated)
    while True:
        # Estimates leave the designs that may be on the front if none of them is off by more than the margin.
        method, found = search(
            space, sources, error=margin, refused=runs.refused(), seed=seed, study=study, watch=watch
        )
        _check_found(space, found, sources)
        _check_number(space, found)

        # The exact model runs all of these. If it refuses one, or one was further off, the search is repeated.
        runs.run((int(number), "") for number in found.numbers)
        ran = np.array([runs.refusal(int(number)) is None for number in found.numbers], bool)
        numbers, estimated = found.numbers[ran], found.sums.part(ran)
        off = _errors(estimated, runs.sums(numbers))
        worst = float(off.max(initial=0))
        if ran.all() and worst <= margin:
            break
        if worst > margin:
            margin = 1.05 * worst
    return Candidates(
        method=method,
        legal=found.legal,
        evaluated=found.evaluated,
        cpu_seconds=study.search_seconds(),
        numbers=numbers,
        estimated=estimated,
        error=EstimateError(
            worst=worst,
            median=float(np.median(off)),
            designs=len(off),
            stated_worst=max(each.worst for each in stated),
            stated_median=max(each.median for each in stated),
            margin=margin,
        ),
    )


def estimates_of(run: ModelRun) -> Source:
    """Return the function that estimates a run on many designs: closed forms of a token, or programs of a prompt or of
    an encoder.
    """
    if run.phase == DECODE:
        token = workload(run.model, phase=run.phase, context=run.context)
        return lambda designs: estimate(token, designs)
    return PromptEstimates(run)


def _errors(estimated: Sums, exact: Sums) -> np.ndarray:
    """Return the error of each design's estimate, as a fraction of the exact result: of seconds or joules."""
    return np.maximum(abs(estimated.seconds / exact.seconds - 1), abs(estimated.joules / exact.joules - 1))


def _check_found(space: Space, found: Found, sources: Sequence[Source]) -> None:
    """Refuse a space without a legal design, and constraints that no design meets.

    Raises
    ------
    ConfigError
        Names the reason why the first design is not legal, or the best value of an objective that is constrained.
    """
    if len(found.numbers):
        return
    if not found.legal:
        reason = first_refusal(space) or "the model has no room"
        raise ConfigError(f"none of {found.evaluated:,} designs is legal; the first one: {reason}")
    numbers = np.arange(min(space.size, 1 << 20))
    _, sums = Estimator(space, sources, np.empty(0, np.int64))(numbers)
    for name, limit in space.constraints.items():
        values = sums.values(name)
        at = int(np.argmin(limit.excess(values))) if len(values) else 0
        if len(values) and limit.excess(values)[at] > 0:
            allowed = f"at_most = {limit.at_most:g}" if limit.at_most is not None else f"at_least = {limit.at_least:g}"
            raise ConfigError(
                f"constraints.{name}: {allowed} is not allowed: the best of {len(values):,} legal designs has about "
                f"{values[at]:.4g} {OBJECTIVES[name].unit}"
            )
    raise ConfigError(f"constraints: no legal design, of {found.legal:,}, is within all of them")


def _check_number(space: Space, found: Found) -> None:
    """Refuse to run more designs on the exact model than the space allows."""
    if (count := len(found.numbers)) > space.search.exact_limit:
        raise ConfigError(
            f"search.exact_limit = {space.search.exact_limit} is not allowed: {count:,} designs may be on the front, "
            f"as estimates may be {found.error:.2%} off: allow more, narrow the space, or ask for an epsilon front "
            "with search.epsilon, such as 0.01"
        )
