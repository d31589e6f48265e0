"""Room for a decode step: whether the compiler finds a place for every buffer, as far as closed forms can say.

The compiler's allocator searches; these are conditions without which it finds nothing. Few designs meet them all and
are refused nevertheless; how many is measured with the error of the cycles.
"""

import numpy as np

from .heads import Heads
from .legality import up
from .machine import Machine, Number
from .traffic import Attention, attention_of, body_traffic, head_shape, panels, weight_beats
from .workload import Layer, Workload

ONLINE_SCALARS = 5
"""Number of row scalars of each row that live at the same time where attention goes block by block."""


def finds_room(machine: Machine, workload: Workload) -> Number:
    """Return where bank, scratchpad, row scalars and memory have room."""
    fits: Number = True
    memory: Number = 0.0
    layers: set[Layer] = set()
    for body, runs in workload.loops:
        for layer, moved in zip(body, body_traffic(machine, body, workload.context), strict=True):
            # A step reads all weights and, but for windows, the whole cache once.
            memory = memory + runs * moved.weights
            attention = attention_of(machine, layer, workload.context)
            heads = attention.heads
            if layer not in layers:
                layers.add(layer)
                fits = fits & _scratchpad(machine, heads, attention) & _scalars(machine, heads, attention)
    if workload.vocabulary:
        hidden = workload.loops[0][0][0].hidden
        parts, columns = head_shape(machine, workload)
        memory = memory + parts * weight_beats(machine, hidden, columns)
        fits = fits & (4 * columns <= machine.bank_bytes)
    return fits & (memory * machine.bus_bytes <= np.exp2(machine.memory_address_bits))


def _scratchpad(machine: Machine, heads: Heads, attention: Attention) -> Number:
    """Return where every buffer of a layer fits into a bank, and those that live at the same time into all banks."""
    # A bank has whole words: a row fits with its padding if it fits without.
    layer, bank = heads.layer, machine.bank_bytes
    fits = (2 * layer.down.k <= bank) & (4 * layer.hidden <= bank) & (2 * layer.heads * heads.key_room <= bank)
    for k, n, bias in heads.matrices.values():
        number, width = panels(machine, k, n)
        fits = fits & (number * width * (4 if bias else 2) <= bank) & (4 * width <= bank)
    # Products of scores compute all columns of the tiles that they use.
    scores = up(attention.last_block, machine.columns) * machine.columns
    fits = fits & (4 * layer.group * scores <= bank)
    return fits & (network_bytes(machine, layer) <= machine.banks * bank)


def network_bytes(machine: Machine, layer: Layer) -> Number:
    """Return the bytes of the buffers of a layer's network that live at the same time."""
    # Gate and its product with the other half, that half's sums, and the scales of its columns.
    return 6 * layer.down.k + np.minimum(4 * layer.up.n, machine.bank_bytes) + 3 * layer.hidden


def _scalars(machine: Machine, heads: Heads, attention: Attention) -> Number:
    """Return where there are slots for the row scalars of the queries and of the softmax of a head."""
    group = heads.layer.group
    of_softmax = (1 + heads.beside) * group
    if not attention.one_block:
        of_softmax = np.where(attention.blocks > 1, ONLINE_SCALARS * group, of_softmax)
    return heads.layer.heads + of_softmax <= machine.scalars
