"""Heads that do not fill the units: each gets room for elements that are zeros."""

import math
from dataclasses import replace

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.head_padding import HeadPadding
from tilewright.sim.graph.operator import Engine, Kind, Operator


def with_padded_heads(config: AcceleratorConfig, graph: Graph) -> Graph:
    """Return a decoder's graph in which every head has as many elements as the accelerator's units can take.

    Queries and keys: halves of ``lanes`` times a power of two elements for rotary embedding, and whole beats of the
    array's activations; or halves of whole steps and a rest, where several heads can share steps with their rests.
    Values: whole steps of ``lanes`` elements. Weights and gains of the elements that are added are zeros. Heads that
    fit, or have their room already, stay as they are.
    """
    changed: dict[str, Operator] = {}
    for scores in graph.of(Kind.SCORES):
        if scores.capacity:
            _pad(config, graph, scores, changed)
    return Graph(tuple(changed.get(operator.name, operator) for operator in graph)) if changed else graph


def key_room(config: AcceleratorConfig, size: int, scores: Operator | None = None) -> int:
    """Return the number of elements for which each query head and each key head has room, in these scores."""
    room = 2 * config.vector.lanes
    while room < size or room % _beat(config, scores):
        room *= 2
    return room


def _beat(config: AcceleratorConfig, scores: Operator | None) -> int:
    """Return the least number of activations that are whole beats of the array's, or of the NPE's bus."""
    if scores is not None and scores.engine is Engine.NPE:
        assert config.npe is not None
        return config.npe.bus_bits // scores.precision.cache.bits
    bits = config.cim_array.tile.macro.input_bits
    return math.lcm(config.activation_bytes * 8, bits) // bits


def value_room(config: AcceleratorConfig, size: int) -> int:
    """Return the number of elements for which each value head has room."""
    return divide_up(size, config.vector.lanes) * config.vector.lanes


def _keys_together(config: AcceleratorConfig, graph: Graph, scores: Operator) -> HeadPadding | None:
    """Return the padding of queries and keys whose heads share steps with their rests; None if zeros are needed.

    They must come from products right before rotary embedding, the whole steps of half a head must be a power of two,
    and rests of heads must fill a step.
    """
    lanes, half = config.vector.lanes, scores.k // 2
    steps, rest = divmod(half, lanes)
    room = 2 * lanes * (steps + 1)
    if not rest or not steps or steps & (steps - 1) or lanes % rest or room % _beat(config, scores):
        return None
    together = lanes // rest
    for name in scores.inputs[:2]:
        rope = graph[graph[name].inputs[0]] if graph[name].kind is Kind.KV_APPEND else graph[name]
        if rope.kind is not Kind.ROPE or graph[rope.inputs[0]].kind is not Kind.MATMUL or rope.heads % together:
            return None
    return HeadPadding(scores.k, room, halves=True, together=together)


def _pad(config: AcceleratorConfig, graph: Graph, scores: Operator, changed: dict[str, Operator]) -> None:
    """Add the operators of one attention that change to ``changed``."""
    size = scores.k
    keys = _keys_together(config, graph, scores) or HeadPadding(size, key_room(config, size, scores), halves=True)
    values = HeadPadding(size, value_room(config, size), halves=False)
    if keys.room > size and not graph[scores.inputs[0]].head:
        changed[scores.name] = replace(scores, k=keys.room)
        for name in scores.inputs[:2]:
            _pad_source(graph, graph[name], keys, changed)
    if values.room > size:
        [weighted] = [each for each in graph.of(Kind.WEIGHTED_SUM) if each.layer == scores.layer]
        changed[weighted.name] = replace(weighted, n=values.room)
        _pad_source(graph, graph[weighted.inputs[1]], values, changed)
        [merge] = graph.readers(weighted.name)
        heads = merge.n // size
        changed[merge.name] = replace(merge, n=heads * values.room)
        for output in graph.readers(merge.name):
            changed[output.name] = replace(output, k=heads * values.room, head=values)


def _pad_source(graph: Graph, operator: Operator, head: HeadPadding, changed: dict[str, Operator]) -> None:
    """Pad heads from the product that makes them up to an operator, tables of rotary embedding included."""
    if operator.kind is Kind.MATMUL:
        columns = head.size if head.together > 1 else head.room
        changed[operator.name] = replace(operator, n=operator.n // head.size * columns, head=head)
        return
    changed[operator.name] = replace(operator, n=head.room, head=head)
    for name in operator.inputs:
        source = graph[name]
        if source.kind is Kind.CONSTANT:
            changed[name] = replace(source, n=head.table_columns, head=head)
        else:
            _pad_source(graph, source, head, changed)
