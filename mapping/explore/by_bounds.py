"""Candidates by bounds: a proof, for spaces without estimates, that no design that was left out is on the front.

No run takes fewer cycles or less energy than its bounds. So designs are run, those with the smallest bounds first,
until each design that is left is dominated, by its bounds already, by a design that was run.
"""

import time
from collections.abc import Callable

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.candidates import Candidates
from tilewright.mapping.explore.front import dominated, front
from tilewright.mapping.explore.objectives import Sums, may_be_within, within
from tilewright.mapping.explore.refusals import first_refusal
from tilewright.mapping.explore.runs import ExactRuns
from tilewright.mapping.explore.space import Space
from tilewright.mapping.models.phases import graph_of
from tilewright.sim.config import System
from tilewright.sim.energy.events import Counts, total
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.energy.system_area import system_area
from tilewright.sim.estimate.bounds import bounds
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision

MOST_DESIGNS = 100_000
"""Number of designs above which a space is too large for bounds, which are computed one design at a time."""
BATCH = 16
"""Number of designs that are run before the others are looked at again."""

Told = Callable[[int, int], None]
"""Function that is told how many designs were looked at, and of how many."""


def by_bounds(space: Space, runs: ExactRuns, watch: Told) -> Candidates:
    """Return designs that were run, such that each other design of the space is dominated by one of them.

    Raises
    ------
    ConfigError
        If the space is too large, no design is legal, or too many would have to be run.
    """
    if space.size > MOST_DESIGNS:
        raise ConfigError(
            f"the space has {space.size:,} designs: at most {MOST_DESIGNS:,} are allowed where bounds are compared "
            "and not estimates"
        )
    begin = time.process_time()
    numbers, bounded = _bounds(space, watch)
    seconds = time.process_time() - begin
    names, weights = space.names, np.array(list(space.objectives.values()))
    possible = np.flatnonzero(may_be_within(bounded, space.constraints))
    costs = bounded.costs(names)
    left = possible[np.argsort(costs[possible] @ weights, kind="stable")]
    ran = np.empty(0, np.intp)
    best = np.empty((0, len(names)))
    while len(left):
        batch, left = left[:BATCH], left[BATCH:]
        if len(ran) + len(batch) > space.search.exact_limit:
            raise ConfigError(
                f"search.exact_limit = {space.search.exact_limit} is not allowed: {len(ran) + len(batch):,} designs or "
                "more may be on the front: allow more, or narrow the space"
            )
        runs.run((int(number), "") for number in numbers[batch])
        good = np.array([at for at in batch if runs.refusal(int(numbers[at])) is None], np.intp)
        ran = np.append(ran, good)
        exact = runs.sums(numbers[good])
        exact = exact.part(within(exact, space.constraints))
        best = np.concatenate([best, exact.costs(names)])
        best = best[front(best)]
        left = left[~dominated(costs[left], best)]
    order = np.sort(ran)
    return Candidates(
        method="bounds",
        legal=len(numbers),
        evaluated=space.size,
        cpu_seconds=seconds,
        numbers=numbers[order],
        estimated=bounded.part(order),
        error=None,
    )


def _bounds(space: Space, watch: Told) -> tuple[np.ndarray, Sums]:
    """Return the numbers of the legal designs, the least seconds and joules that their runs take, and their areas."""
    designs = space.designs(np.arange(space.size))
    numbers = np.flatnonzero(designs.legal)
    if not len(numbers):
        raise ConfigError(f"none of {space.size:,} designs is legal; the first one: {first_refusal(space)}")
    graphs: dict[tuple[int, Precision], Graph] = {}
    table = np.zeros((4, len(numbers)))
    for column, number in enumerate(numbers):
        system = designs.system(int(number))
        precision = Precision.of_accelerator(system.accelerator)
        for at, run in enumerate(space.runs):
            if (at, precision) not in graphs:
                graphs[at, precision] = graph_of(run.model, precision, phase=run.phase, context=run.context)
            seconds, joules = _least(graphs[at, precision], system)
            table[:3, column] += run.weight * np.array([seconds, joules, run.tokens])
        area = system_area(system)
        table[3, column] = area.area_mm2 if area else np.nan
        watch(column + 1, len(numbers))
    return numbers, Sums.of(table)


def _least(graph: Graph, system: System) -> tuple[float, float]:
    """Return the least seconds and joules that a graph takes: bounds, and events that no program can save."""
    cycles = bounds(graph, system).largest
    events = Counts(memory_bytes=graph.dram_bytes, cycles=cycles, macs=graph.macs)
    return cycles / (system.clock_mhz * 1e6), total(energy(events, system)).mid
