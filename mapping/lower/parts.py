"""Parts of a section's steps: those that are repeated for each block of the cache, and those between them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tilewright.sim.isa.steps import Step

from .lowering import Lowered


def parts(lowered: Lowered) -> Iterator[tuple[bool, Lowered]]:
    """Yield the parts of steps in their order, each with whether it is repeated; the first and the last are not."""
    begin = 0
    for first, end in lowered.repeated:
        yield False, replace(lowered, steps=lowered.steps[begin:first], repeated=())
        yield True, replace(lowered, steps=lowered.steps[first:end], repeated=())
        begin = end
    yield False, replace(lowered, steps=lowered.steps[begin:], repeated=())


def part_by_part(lowered: Lowered, change: Callable[[Lowered], Lowered]) -> Lowered:
    """Return steps each of whose parts has been changed on its own."""
    steps: list[Step] = []
    repeated, buffers, cut_rows = [], lowered.buffers, dict(lowered.cut_rows)
    for is_repeated, part in parts(lowered):
        changed = change(replace(part, buffers=buffers))
        if is_repeated:
            repeated.append((len(steps), len(steps) + len(changed.steps)))
        steps += changed.steps
        buffers = changed.buffers
        cut_rows |= changed.cut_rows
    return replace(lowered, steps=tuple(steps), buffers=buffers, repeated=tuple(repeated), cut_rows=cut_rows)
