"""Events on chip of one decode step, in counts that the energies of a process belong to."""

from collections.abc import Callable

import numpy as np

from .commands import ArrayProduct, Pass, Use, decode_commands
from .heads import Heads, heads_of
from .legality import up
from .machine import Machine, Number
from .traffic import decode_moved, head_shape
from .work import decode_work
from .workload import Workload

EVENTS_OF_PASSES = {
    "vector_adds": Use.ADD,
    "vector_multiplies": Use.MULTIPLY,
    "vector_exponentials": Use.EXPONENTIAL,
    "vector_gates": Use.GATE,
    "vector_products": Use.SQUARE | Use.B,
    "vector_offsets": Use.C,
    "vector_sums": Use.SUM,
    "vector_maxima": Use.MAXIMUM,
}
"""Counts of the slots of passes that use something of the vector unit."""


def decode_events(machine: Machine, workload: Workload) -> dict[str, Number]:
    """Return the counts of a decode step, by their names in :class:`tilewright.sim.energy.events.Counts`.

    Cycles are not there, nor are bytes of main memory and beats that the array takes from the weight buffer.
    """
    work, commands, moved = decode_work(machine, workload), decode_commands(machine, workload), Total()
    beats = decode_moved(machine, workload)
    for name, number in work.counts(machine).items():
        moved.add(name, number)
    moved.add("commands", beats.commands)
    moved.add("load_beats", beats.loaded)
    moved.add("scratchpad_writes", beats.loaded)
    moved.add("weight_beats_in", beats.weights)
    moved.add("write_beats", beats.stored)
    stored = _stored_elements(machine, workload)
    moved.add("stored_elements", stored)
    moved.add("scratchpad_reads", stored)
    for product in commands.products:
        _product(machine, product, moved.add)
    for each in commands.passes:
        _pass(machine, each, moved.add)
    return moved.counts


class Total:
    """Sums of counts by their names."""

    def __init__(self) -> None:
        self.counts: dict[str, Number] = {}

    def add(self, name: str, number: Number) -> None:
        """Add a number for all designs, or an array with one for each."""
        self.counts[name] = self.counts.get(name, 0.0) + number


def _product(machine: Machine, product: ArrayProduct, add: Callable[[str, Number], None]) -> None:
    """Add the events of a product."""
    k, n, bus = product.k, product.n, machine.activation_bus_bits
    high = np.where(product.reduce, machine.all_rows, machine.rows)
    wide = np.where(product.reduce, machine.columns, machine.all_columns)
    vectors = product.times * product.vectors
    across, down = up(n, wide), up(k, high)
    last = k - (down - 1) * high
    words = vectors * across * ((down - 1) * up(high * machine.input_bits, bus) + up(last * machine.input_bits, bus))
    results = vectors * up(n, machine.results_per_beat)
    macros = (down - 1) * up(high, machine.macro_rows) + up(last, machine.macro_rows)
    add("array_vectors", vectors * across * down)
    add("driven_products", vectors * across * k * wide)
    add("driven_sums", vectors * across * macros * wide)
    add("input_words", words)
    add("column_sums", vectors * down * n)
    add("partial_sums", vectors * (down - 1) * n)
    add("result_words", results)
    add("scratchpad_reads", words)
    add("scratchpad_writes", results)


def _pass(machine: Machine, each: Pass, add: Callable[[str, Number], None]) -> None:
    """Add the events of a pass."""
    rows, uses = each.times * each.rows, each.uses
    steps = rows * up(each.columns, machine.lanes)
    slots = steps * machine.lanes
    add("lane_passes", each.times * machine.lanes)
    add("vector_slots", slots)
    for name, use in EVENTS_OF_PASSES.items():
        add(name, slots if uses & use else 0.0)
    add("reductions", each.times if uses & (Use.SUM | Use.MAXIMUM) else 0.0)
    add("row_scalars", rows if uses & (Use.SUM | Use.MAXIMUM) else 0.0)
    add("scratchpad_reads", steps * (1 + bool(uses & Use.B) + bool(uses & Use.C)))
    add("scratchpad_writes", steps if uses & Use.D else 0.0)


def _stored_elements(machine: Machine, workload: Workload) -> Number:
    """Return the elements that the store unit reads."""
    total: Number = 0.0
    for body, runs in workload.loops:
        total = total + runs * machine.beats(body[0].hidden, 2)
        for layer in body:
            total = total + runs * _stored_of_cache(heads_of(machine, layer), workload.context - 1)
    if workload.vocabulary:
        parts, columns = head_shape(machine, workload)
        total = total + parts * machine.beats(columns, 4)
    return total


def _stored_of_cache(heads: Heads, position: int) -> Number:
    """Return the elements of a layer's new keys, values and scales.

    Of packed keys two positions share a byte: the first of them is kept beside the cache, and stored again with the
    second. Values of eight bits are stored in the largest elements that their rows have.
    """
    machine, kv = heads.machine, heads.layer.shared
    packed, room = (machine.weight_bits < 8) * 1.0, heads.key_room
    kept = up(room * machine.weight_bytes_on_chip, machine.bus_bytes)
    keys = kv * room * (1 + packed) if position % 2 else kv * (room + packed * kept)
    width = np.minimum(heads.value_room, heads.value_columns)
    size = np.where(packed, 1.0, np.minimum(machine.bus_bytes, np.gcd(np.asarray(width, np.int64), 1 << 12)))
    return keys + 2 * kv + kv * heads.value_room / size
