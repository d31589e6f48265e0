"""Heads as the accelerator takes them: padded to its units, and values of several heads side by side in a beat."""

from dataclasses import replace

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind

from .padding import with_padded_heads


def fit_heads(config: AcceleratorConfig, graph: Graph) -> Graph:
    """Return a decoder's graph with padded heads, whose values share beats of the bus where they are narrower."""
    graph = with_padded_heads(config, graph)
    changed = {}
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
