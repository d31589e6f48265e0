"""Heads as the accelerator takes them: padded to its units, and values of several heads side by side in a beat."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.graph.precision import first_position_step

from .padding import with_padded_heads

SHARE = 4
"""Part of a bank that the scores of a block fill at most, as its inverse; those of the last block may be almost twice
as many."""


def fit_heads(config: AcceleratorConfig, graph: Graph, beside: int | None = None) -> Graph:
    """Return a decoder's graph with padded heads, whose values share beats of the bus where they are narrower.

    Attention to more positions than the scratchpad has room for goes block by block.

    Parameters
    ----------
    beside : int, optional
        Number of heads whose values lie side by side, one of :func:`allowed_beside`; by default the fewest with which
        rows take the fewest beats.

    Raises
    ------
    ConfigError
        If so many heads cannot lie side by side.
    """
    graph = with_padded_heads(config, graph)
    changed = {scores.name: replace(scores, block=block_size(config, scores)) for scores in _in_blocks(config, graph)}
    fewest = cache(partial(heads_beside, config))
    for weighted in graph.of(Kind.WEIGHTED_SUM):
        values = graph[weighted.inputs[1]]
        if weighted.capacity and weighted.engine is not Engine.NPE:
            if beside is not None and beside not in (allowed := allowed_beside(config, values.n, values.heads)):
                raise ConfigError(f"layout.beside = {beside} is not allowed: {', '.join(map(str, allowed))}")
            changed[values.name] = replace(values, beside=beside or fewest(values.n, values.heads))
    for mask in graph.of(Kind.CONSTANT):
        if mask.every_position and not mask.variants:
            step = math.lcm(config.word_bytes // stored.FP32.scratchpad_bytes, config.vector.lanes)
            changed[mask.name] = replace(mask, variants=math.lcm(step, mask.m))
    return Graph(tuple(changed.get(operator.name, operator) for operator in graph))


def heads_beside(config: AcceleratorConfig, size: int, heads: int) -> int:
    """Return the number of heads of so many elements whose values lie side by side: the smallest with which rows take
    the fewest beats."""
    tile = config.cim_array.tile
    numbers = allowed_beside(config, size, heads)
    return min(numbers, key=lambda each: tile.weight_beats_per_row(each * size) / each)


def allowed_beside(config: AcceleratorConfig, size: int, heads: int) -> list[int]:
    """Return the numbers of heads of so many elements whose values can lie side by side in a tile; one always can."""
    most = max(1, config.cim_array.tile.columns // size)
    return [each for each in range(1, min(heads, most) + 1) if heads % each == 0]


def _in_blocks(config: AcceleratorConfig, graph: Graph) -> Iterator[Operator]:
    """Yield the products of queries and a cache whose scores exceed a bank, if no host needs whole rows."""
    for softmax in graph.of(Kind.SOFTMAX):
        scores = graph[softmax.inputs[0]]
        if scores.kind is not Kind.SCORES or softmax.engine is Engine.HOST or not scores.capacity:
            continue
        if scores.every_position:
            continue
        if _bytes_of_position(scores) * scores.n > config.bank_bytes:
            yield scores


def block_size(config: AcceleratorConfig, scores: Operator) -> int:
    """Return the number of positions in a block: as many as :data:`SHARE` allows, with which a product can begin."""
    step = first_position_step(config)
    return max(1, config.bank_bytes // (SHARE * _bytes_of_position(scores)) // step) * step


def _bytes_of_position(scores: Operator) -> int:
    """Return the bytes of a position's scores in all rows; sums and what becomes of them are as large as FP32."""
    return scores.m * stored.FP32.scratchpad_bytes
