"""Order of steps in which engines wait least for each other."""

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace

from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.isa.footprint import Region
from tilewright.sim.isa.steps import Matrix, Pass, Scalars, Step

from .engines.engine import Engines
from .mapping import WINDOW


def reordered(engines: Engines, lowered: Lowered, window: int = WINDOW) -> Lowered:
    """Return the same steps in an order in which heads overlap: scores of the next head during a softmax.

    A list schedule over the engines with the approximate cycles of steps: of the steps that can come next, the one that
    can begin first; of several, the one that is nearest to a state, so that keys are stored, element by element, while
    weights of queries are still loaded.

    Parameters
    ----------
    window : int
        Number of steps by which a step may come before the first that is still to come.
    """
    steps = lowered.steps
    needs = _dependencies(steps)
    to_state = _cycles_to_state(engines, lowered, needs)
    left = list(range(len(steps)))
    finished: dict[int, int] = {}
    free = dict.fromkeys(engines.all, 0)
    order: list[Step] = []
    while left:
        choices = []
        for place in left[:window]:
            if needs[place] <= finished.keys():
                step = steps[place]
                engine = engines.of(step)
                ready = (finished[each] + engine.ready_cycles(steps[each], step) for each in needs[place])
                choices.append((max(free[engine], *ready, 0), to_state[place], place))
        start, _, place = min(choices)
        step = steps[place]
        engine = engines.of(step)
        finished[place] = free[engine] = start + engine.cycles(step)
        left.remove(place)
        order.append(step)
    return replace(lowered, steps=tuple(order))


def _cycles_to_state(engines: Engines, lowered: Lowered, needs: list[set[int]]) -> list[float]:
    """Return for each step the approximate cycles from its end to that of the first step that needs it and writes a
    state; infinity if none does."""
    steps = lowered.steps
    cycles = [math.inf] * len(steps)
    for place in range(len(steps) - 1, -1, -1):
        step = steps[place]
        if step.out and step.out.buffer.name in lowered.states:
            cycles[place] = 0
        before = cycles[place] + engines.of(step).cycles(step)
        for each in needs[place]:
            cycles[each] = min(cycles[each], before)
    return cycles


def depth_first(lowered: Lowered) -> Lowered:
    """Return the same steps, each as late as its readers allow, so that few results and row scalars wait at a time.

    States come first, in the order in which they are written; then all that the output needs.
    """
    steps = lowered.steps
    needs = _dependencies(steps)
    roots = [place for place, step in enumerate(steps) if step.out and step.out.buffer.name in lowered.states]
    users: dict[int, list[int]] = {}
    for place, step in enumerate(steps):
        factor = step.multiply if isinstance(step, Pass) else None
        for maker in needs[place] if factor else ():
            before = steps[maker]
            if factor and isinstance(before, Pass) and before.inverse and before.inverse.name == factor.name:
                users.setdefault(maker, []).append(place)
    order: dict[int, None] = {}
    for root in (*roots, *range(len(steps) - 1, -1, -1)):
        stack = [root]
        while stack:
            place = stack[-1]
            missing = [each for each in sorted(needs[place], reverse=True) if each not in order]
            if missing:
                stack.append(missing[-1])
                continue
            order[stack.pop()] = None
            # What takes an inverse gives its slots back.
            for user in users.get(place, ()):
                if user not in order and all(each in order for each in needs[user]):
                    order[user] = None
    return replace(lowered, steps=tuple(steps[place] for place in order))


def with_early_scalars(lowered: Lowered) -> Lowered:
    """Return steps in which row scalars are written right after the pass that makes them, so that their slots are soon
    free.

    Such a pass takes a constant of one column, which nothing but the row scalars changes.
    """
    makers: dict[str, int] = {}
    behind: dict[int, list[Step]] = {}
    steps = lowered.steps
    for place, step in enumerate(steps):
        if not isinstance(step, Pass):
            continue
        scalars = step.multiply
        writes = scalars and step.a.columns == 1 and step.a.buffer.name in lowered.constants
        if scalars and writes and not (step.add or step.b or step.c or step.linear):
            behind.setdefault(makers[scalars.name], []).append(step)
            continue
        makers |= {each.name: place for each in (step.linear, step.inverse) if each}
    moved = {id(step) for those in behind.values() for step in those}
    order: list[Step] = []
    for place, step in enumerate(steps):
        order += [] if id(step) in moved else [step]
        order += behind.get(place, [])
    return replace(lowered, steps=tuple(order))


@dataclass
class _Touched:
    """Steps that wrote and read parts of a buffer, or row scalars of a name."""

    writes: list[tuple[int, Region]] = field(default_factory=list)
    reads: list[tuple[int, Region]] = field(default_factory=list)


def _dependencies(steps: tuple[Step, ...]) -> list[set[int]]:
    """Return for each step the earlier steps that must stay before it."""
    touched: dict[tuple[str, str], _Touched] = defaultdict(_Touched)
    needs = []
    for place, step in enumerate(steps):
        those: set[int] = set()
        for each in step.reads:
            at, own = touched[_name(each)], _region(each)
            those.update([other for other, region in at.writes if region.overlaps(own)])
            at.reads.append((place, own))
        for each in step.writes:
            at, own = touched[_name(each)], _region(each)
            those.update([other for other, region in at.writes if region.overlaps(own)])
            those.update([other for other, region in at.reads if region.overlaps(own)])
            at.writes.append((place, own))
        those.discard(place)
        needs.append(those)
    return needs


def _name(each: Matrix | Scalars) -> tuple[str, str]:
    return ("buffer", each.buffer.name) if isinstance(each, Matrix) else ("scalars", each.name)


def _region(each: Matrix | Scalars) -> Region:
    if isinstance(each, Scalars):
        return Region(each.first, each.rows)
    if each.rows == 1 or each.stride == 0:
        return Region(each.offset, each.columns)
    if each.stride <= each.columns:
        return Region(each.offset, (each.rows - 1) * each.stride + each.columns)
    return Region(each.offset, each.columns, each.rows, each.stride)
