"""Work of the array and of the vector unit in one decode step, in counts that energy follows from: exact."""

from dataclasses import dataclass, fields

import numpy as np

from .heads import Heads
from .legality import up
from .machine import Machine, Number
from .traffic import Attention, attention_of, head_shape, panels, reduces
from .workload import Layer, Workload


@dataclass
class Work:
    """Counts of events of :class:`tilewright.sim.energy.events.Counts`, apart from those of main memory."""

    macs: Number = 0.0
    """Number of multiply-accumulates, padding included."""
    weights: Number = 0.0
    """Number of weights written into the array."""
    activations: Number = 0.0
    """Number of activations that the array takes."""
    sums: Number = 0.0
    """Number of sums that the array sends."""
    elements: Number = 0.0
    """Number of elements that the vector unit processes, summed over its passes."""

    def add(self, other: "Work", times: Number = 1.0) -> None:
        """Add other work, so many times."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + times * getattr(other, field.name))


def product(machine: Machine, vectors: Number, k: Number, n: Number, reduce: Number) -> Work:
    """Return the work of a product with (k, n) weights, of whole beats of results."""
    wide = np.where(reduce, 1.0, machine.tiles) * machine.columns
    return Work(
        macs=vectors * k * n, weights=k * n, activations=vectors * up(n, wide) * k, sums=vectors * n
    )  # fmt: skip


def constant_product(machine: Machine, k: Number, n: Number) -> Work:
    """Return the work of a product of one vector with constant weights, panel by panel."""

    def padded(columns: Number) -> Number:
        return up(columns, machine.results_per_beat) * machine.results_per_beat

    number, width = panels(machine, k, n)
    reduce = reduces(machine, k, n)
    work = Work()
    work.add(product(machine, 1.0, k, padded(width), reduce), number - 1)
    work.add(product(machine, 1.0, k, padded(n - (number - 1) * width), reduce))
    return work


def layer_work(machine: Machine, layer: Layer, context: int) -> Work:
    """Return the work of a layer."""
    attention = attention_of(machine, layer, context)
    heads = attention.heads
    work = Work()
    for k, n, _ in heads.matrices.values():
        work.add(constant_product(machine, k, n))
    room, chunk = heads.key_room, machine.columns
    wide = heads.value_chunks * heads.value_columns
    more = attention.blocks - 1
    for positions, times in ((attention.block, more), (attention.last_block, 1.0)):
        if np.all(times == 0):
            continue
        keys = up(positions, chunk) * chunk
        mode = reduces(machine, room, keys, or_equal=True)
        work.add(product(machine, layer.group, room, keys, mode), times * layer.shared)
        mode = reduces(machine, positions, heads.value_columns * heads.value_chunks, or_equal=True)
        values = product(machine, layer.group * heads.beside, positions, wide, mode)
        work.add(values, times * layer.shared / heads.beside)
    work.elements = work.elements + _elements(machine, heads, attention)
    return work


def _elements(machine: Machine, heads: Heads, attention: Attention) -> Number:
    """Return the elements of all passes of a layer."""
    layer, hidden = heads.layer, heads.layer.hidden
    shapes, kv, query = heads.matrices, layer.shared, layer.heads
    room, value = heads.key_room, heads.value_room
    codes = 1 + machine.two_passes
    total = 2 * 3 * hidden + (2 * 3 * hidden if layer.post_norms else 0)
    # Projections to heads; what turns and stores them.
    total = total + shapes["query"][1] + shapes["key"][1] + shapes["value"][1]
    if layer.head_norms:
        total = total + 2 * (query + kv) * room
    if layer.table:
        turned = np.where(heads.together > 1, _turned_together(heads) + room, 2 * room)
        total = total + (query + kv) * turned
    else:
        total = total + (query + kv) * room
    total = total + query * room + kv * (codes * room + 1) + kv * ((1 + codes) * value + 1)
    # Attention: of all positions, or block by block.
    group, blocks = layer.group, attention.blocks
    rows = 4 * attention.positions + value
    columns = blocks * (blocks + 1) / 2 + blocks * (blocks - 1) / 2
    several = 4 * attention.positions + value * (2 * blocks - 1) + value + 2 * blocks + columns + (blocks - 1) + 1
    total = total + kv * group * np.where(blocks > 1, several, rows)
    # Output and network.
    total = total + 2 * shapes["output"][0] + 2 * hidden
    return total + 4 * shapes["down"][0]


def _turned_together(heads: Heads) -> Number:
    """Return the elements of the passes of rotary embedding of a head that shares steps with others."""
    return 2 * heads.key_room


def decode_work(machine: Machine, workload: Workload) -> Work:
    """Return the work of a decode step."""
    total = Work()
    for body, runs in workload.loops:
        for layer in body:
            total.add(layer_work(machine, layer, workload.context), runs)
    if workload.vocabulary:
        hidden = workload.loops[0][0][0].hidden
        parts, columns = head_shape(machine, workload)
        head = constant_product(machine, hidden, columns)
        head.elements = 3 * hidden + columns
        total.add(head, parts)
    return total
