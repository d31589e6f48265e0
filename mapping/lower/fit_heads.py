"""Heads as the accelerator takes them: padded to its units, and values of several heads side by side in a beat."""

import math
from collections.abc import Iterator
from dataclasses import replace

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator

from .padding import with_padded_heads


def fit_heads(config: AcceleratorConfig, graph: Graph) -> Graph:
    """Return a decoder's graph with padded heads, whose values share beats of the bus where they are narrower.

    Attention to more positions than the scratchpad has room for goes block by block.
    """
    graph = with_padded_heads(config, graph)
    changed = {scores.name: replace(scores, block=block_size(config, scores)) for scores in _in_blocks(config, graph)}
    for weighted in graph.of(Kind.WEIGHTED_SUM):
        values = graph[weighted.inputs[1]]
        if weighted.capacity:
            changed[values.name] = replace(values, beside=heads_beside(config, values.n, values.heads))
    return Graph(tuple(changed.get(operator.name, operator) for operator in graph))


def heads_beside(config: AcceleratorConfig, size: int, heads: int) -> int:
    """Return the number of heads of so many elements whose values lie side by side: the smallest with which rows take
    the fewest beats."""
    tile = config.cim.tile
    numbers = [each for each in range(1, heads + 1) if heads % each == 0 and each * size <= tile.columns]
    return min(numbers, key=lambda each: tile.weight_beats_per_row(each * size) / each, default=1)


SHARE = 4
"""Part of a bank that the scores of a block fill at most, as its inverse."""


def _in_blocks(config: AcceleratorConfig, graph: Graph) -> Iterator[Operator]:
    """Yield the products of queries and a cache whose scores, in FP32, exceed a bank, if no host needs whole rows."""
    for softmax in graph.of(Kind.SOFTMAX):
        scores = graph[softmax.inputs[0]]
        if scores.kind is not Kind.SCORES or softmax.engine is Engine.HOST or not scores.capacity:
            continue
        if 4 * scores.m * scores.n > config.bank_bytes:
            yield scores


def block_size(config: AcceleratorConfig, scores: Operator) -> int:
    """Return the number of positions in a block: as many as :data:`SHARE` allows, with which a product can begin."""
    tile, size = config.cim.tile, stored.FP32.scratchpad_bytes
    step = math.lcm(tile.columns, tile.rows, config.word_bytes // size)
    return max(1, config.bank_bytes // (SHARE * size * scores.m) // step) * step
