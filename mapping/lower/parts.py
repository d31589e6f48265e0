"""Parts of a section's steps: blocks of rows, and those repeated for each block of the cache."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, pairwise

from tilewright.sim.isa.steps import Step

from .lowering import Lowered


def parts(lowered: Lowered) -> Iterator[tuple[bool, Lowered]]:
    """Yield the parts of steps in their order, each with whether it is repeated."""
    for first, end in _bounds(lowered):
        yield (first, end) in lowered.repeated, replace(lowered, steps=lowered.steps[first:end], repeated=(), blocks=())


def part_by_part(lowered: Lowered, change: Callable[[Lowered], Lowered]) -> Lowered:
    """Return steps each of whose parts has been changed on its own."""
    steps: list[Step] = []
    moved, buffers, cut_rows = {}, lowered.buffers, dict(lowered.cut_rows)
    for (first, end), (_, part) in zip(_bounds(lowered), parts(lowered), strict=True):
        changed = change(replace(part, buffers=buffers))
        moved[first] = len(steps)
        steps += changed.steps
        moved[end] = len(steps)
        buffers = changed.buffers
        cut_rows |= changed.cut_rows
    return replace(
        lowered,
        steps=tuple(steps),
        buffers=buffers,
        repeated=tuple((moved[first], moved[end]) for first, end in lowered.repeated),
        blocks=tuple(moved[first] for first in lowered.blocks),
        cut_rows=cut_rows,
    )


def _bounds(lowered: Lowered) -> list[tuple[int, int]]:
    """Return of each part the number of its first step, and of the one after its last."""
    return list(pairwise(sorted({0, len(lowered.steps), *lowered.blocks, *chain(*lowered.repeated)})))
