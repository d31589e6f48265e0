"""Cycles of a decode step: the schedule of a layer as recurrences over its products, in closed form."""

from dataclasses import dataclass

import numpy as np

from tilewright.sim.isa.widths import COMMAND_BYTES

from .heads import Heads
from .legality import up
from .machine import Machine, Number
from .traffic import Attention, attention_of, body_traffic, head_shape, head_traffic, panels, weight_beats
from .units import REQUEST, Units, product_mode
from .workload import Layer, Workload

BYTES_OF_SCORES, BYTES_OF_SCALES = 14, 16
"""Bytes of a position while the softmax of a head, and the scores of the next one, are computed: for each query head
sums twice and three results of passes; for all of them scales of keys and values twice."""
STORE = 6
"""Cycles of a store besides its beats and the latency of memory."""


@dataclass
class Stream:
    """Loads in their order: beats arrive one after the other, weights no further ahead than the weight buffer holds.

    ``there`` is the cycle in which all that has been asked for so far is there.
    """

    units: Units
    there: Number

    def load(self, beats: Number) -> Number:
        """Load beats into the scratchpad; return the cycle in which they are there."""
        self.there = self.there + beats * self.units.load_cycles
        return self.there

    def wait(self, time: Number) -> None:
        """Let the next load begin in a cycle at the earliest."""
        self.there = np.maximum(self.there, time + (self.units.machine.latency + REQUEST))

    def product(self, begin: Number, beats: Number, cycles: Number, tail: Number) -> Number:
        """Run a product that could begin in a cycle; return the cycle in which it ends.

        ``cycles`` are those that it takes if all its weights are there, ``tail`` those after its last beat.
        """
        units, machine = self.units, self.units.machine
        behind = beats - machine.weight_buffer_beats
        refilled = begin + self.units.refill + behind * units.weight_cycles
        self.there = self.there + beats * units.weight_cycles
        self.there = np.where(behind > 0, np.maximum(self.there, refilled), self.there)
        return np.maximum(self.there + 2 + tail, begin + cycles) + 1

    def pause(self, beats: Number, tail: Number) -> Number:
        """Return the cycles for which loads stop at the end of a product: the weight buffer is full until the next
        product takes the first beat."""
        units, machine = self.units, self.units.machine
        pause = tail + (self.units.refill + 1 - machine.weight_buffer_beats * units.weight_cycles)
        return np.where(beats > machine.weight_buffer_beats, np.maximum(pause, 0.0), 0.0)


def decode_cycles(machine: Machine, workload: Workload) -> Number:
    """Return the cycles of a decode step."""
    units = Units(machine)
    fetch = COMMAND_BYTES / machine.bus_bytes
    # From a fence to the first load after it: what was fetched ahead is dropped and fetched anew.
    begin = machine.latency + 2 * fetch / machine.peak_rate + 24
    total: Number = begin
    for body, runs in workload.loops:
        cycles: Number = 0.0
        moved = body_traffic(machine, body, workload.context)
        for number, (layer, commands) in enumerate(zip(body, (each.commands for each in moved), strict=True)):
            ends = number == 0, number == len(body) - 1
            cycles = cycles + layer_cycles(units, layer, workload.context, *ends, commands)
        total = total + runs * (cycles + begin)
    if workload.vocabulary:
        cycles, parts = head_cycles(units, workload)
        total = total + parts * (cycles + begin)
    return total


def _matrix(units: Units, shape: tuple[Number, Number, bool], begin: Number, stream: Stream) -> Number:
    """Run a product of one vector with a weight matrix; return the cycle in which it ends."""
    k, n, _ = shape
    return stream.product(begin, weight_beats(units.machine, k, n), *units.matrix(k, n))


def layer_cycles(units: Units, layer: Layer, context: int, first: bool, last: bool, commands: Number) -> Number:
    """Return the cycles from the first load of a layer to the end of its store.

    Parameters
    ----------
    first, last : bool
        Whether the layer is the first, or the last, in a run of a loop.
    commands : number
        Commands of the layer.
    """
    machine = units.machine
    attention = attention_of(machine, layer, context)
    heads = attention.heads
    shapes, hidden, beats = heads.matrices, layer.hidden, machine.beats
    begin = machine.latency + REQUEST
    stream = Stream(units, begin + units.fetching(commands) if first else begin)
    squares = units.sum(1, hidden, inverse=True)
    quantised = units.quantised(1, hidden)

    def columns(name: str) -> Number:
        n, bias = shapes[name][1:]
        return beats(n, 2) + beats(n, 4) if bias else beats(n, 2)

    # Input, norm.
    there = stream.load(beats(hidden, 2)) + 1 if first else 0.0
    gains = stream.load(beats(hidden, 4)) + 1
    ready = np.maximum(there + squares, gains) + quantised
    # Values, keys, queries.
    stream.load(columns("value") + columns("key") + beats(1, 4))
    value = _matrix(units, shapes["value"], ready, stream)
    stream.load(columns("query") + (2 * beats(heads.table_columns, 4) if layer.table else 0.0))
    key = _matrix(units, shapes["key"], value, stream)
    query = _matrix(units, shapes["query"], key, stream)
    stored = key + _new_keys(units, heads)
    queries = query + _turned(units, heads, layer.heads, shapes["query"][1])
    # Attention.
    stream.wait(stored)
    mixed = _attention(units, attention, np.maximum(queries, stored), stream)
    mixed = mixed + units.quantised(1, shapes["output"][0])
    # Output, network.
    stream.load(columns("output") + beats(hidden, 4) + columns("gate"))
    output = _matrix(units, shapes["output"], mixed, stream)
    add = units.plain(1, hidden)
    if layer.post_norms:
        add = 3 * add + squares
    stream.load(columns("up"))
    gate = _matrix(units, shapes["gate"], output + (add + squares + quantised), stream)
    stream.load(columns("down"))
    wide = shapes["down"][0]
    gated = _matrix(units, shapes["up"], gate, stream) + (units.plain(1, wide) + units.quantised(1, wide))
    down = _matrix(units, shapes["down"], gated, stream)
    weights = sum(weight_beats(machine, k, n) for k, n, _ in shapes.values())
    end = down + add + units.shared(weights, commands)
    return end + _stored(units, beats(hidden, 2)) if last else end


def _stored(units: Units, beats: Number) -> Number:
    """Return the cycles of the store of a row of so many beats."""
    machine = units.machine
    return beats * units.store_cycles + machine.latency + STORE


def _turned(units: Units, heads: Heads, number: int, columns: Number) -> Number:
    """Return the cycles from the sums of a projection of heads to the numbers that the array takes."""
    layer, room = heads.layer, heads.key_room
    cycles = units.plain(1, columns)
    if layer.head_norms:
        cycles = cycles + units.sum(number, room, inverse=True) + units.plain(number, room)
    if layer.table:
        cycles = cycles + units.plain(number, room)
    return cycles + units.quantised(number, room)


def _new_keys(units: Units, heads: Heads) -> Number:
    """Return the cycles from the sums of keys to their place in memory."""
    machine, kv = units.machine, heads.layer.shared
    cycles = _turned(units, heads, kv, heads.matrices["key"][1])
    in_flight = (machine.latency + 4) / machine.outstanding
    return cycles + kv * heads.key_room * np.maximum(in_flight, 2.0) + machine.latency


def _attention(units: Units, attention: Attention, begin: Number, stream: Stream) -> Number:
    """Run attention of all heads; return the cycle in which its last pass ends.

    The array takes the scores of a head, then those of all others with the weighted sums that can already be computed,
    then the last weighted sum. Softmax of a head goes on beside products of the other heads.
    """
    machine, heads, layer = units.machine, attention.heads, attention.layer
    group, kv, blocks = layer.group, layer.shared, attention.blocks
    room, wide = heads.key_room, heads.value_chunks * heads.value_columns
    positions = attention.positions / blocks
    parts = attention.key_commands(positions)[0]
    columns = up(positions / parts, machine.columns) * machine.columns
    keys, values = attention.key_beats / blocks / parts, attention.value_beats / blocks
    mode = product_mode(machine, room, columns, of_cache=True)
    scores, of_scores = units.product(group, room, columns, keys, mode)
    mode = product_mode(machine, positions, wide, of_cache=True)
    weighted, tail = units.product(group * heads.beside, positions, wide, values, mode)
    softmax, mix = _softmax(units, attention), units.plain(group, heads.value_room)
    products = kv / heads.beside
    # The first scores.
    stream.load(2 * attention.scale_beats / blocks)
    first = stream.product(begin, keys, scores, of_scores)
    # All other products but the last.
    stream.load(2 * (kv * blocks - 1) * attention.scale_beats / blocks)
    others, sums = kv * blocks * parts - 1, products * blocks - 1
    stream.there = stream.there + others * stream.pause(keys, of_scores) + sums * stream.pause(values, tail)
    cycles = others * (scores + 1) + sums * (weighted + 1)
    cycles = cycles + _beside(units, attention) * kv * blocks * softmax
    most = stream.product(first, others * keys + sums * values, cycles, tail)
    most = np.where(kv * blocks + products * blocks > 2, most, first)
    # The last weighted sum, when its softmax is there.
    last = most - np.where(products > 1, weighted + 1, 0.0) + softmax
    passes = first + kv * softmax + (products - 1) * heads.beside * mix
    ready = np.maximum(np.maximum(last, passes), most)
    ready = ready if attention.one_block else np.where(blocks > 1, most, ready)
    return stream.product(ready, values, weighted, tail) + heads.beside * mix


def _beside(units: Units, attention: Attention) -> Number:
    """Return the part of the softmax of heads, or of blocks, that goes on while the array has no product.

    Heads overlap where the scratchpad has room for the scores of two. What remains of blocks is fitted to 8 runs:
    products hide most of the passes with 16 banks, less with fewer, and nothing where a row of the network fills a
    bank.
    """
    machine, layer = units.machine, attention.layer
    scratchpad = machine.banks * machine.bank_bytes
    needed = attention.last_block * (BYTES_OF_SCORES * layer.group + BYTES_OF_SCALES)
    alone = (needed > scratchpad) * 1.0
    if attention.one_block:
        return alone
    blocked = np.where(machine.bank_bytes < 4 * layer.down.k, 1.2, np.where(machine.banks >= 16, 0.05, 0.4))
    return np.where(attention.blocks > 1, blocked, alone)


def _softmax(units: Units, attention: Attention) -> Number:
    """Return the cycles of the passes between the scores of a head, or of a block, and its weighted sum."""
    group, blocks, positions = attention.layer.group, attention.blocks, attention.positions / attention.blocks
    passes = units.maximum(group, positions) + units.sum(group, positions, inverse=True)
    passes = passes + units.maximum(group, positions, inverse=True) + units.plain(group, positions)
    if attention.one_block:
        return passes
    # What brings blocks together: maxima, sums and weighted sums of rows.
    more = 3 * units.plain(group, 1) + 2 * units.maximum(group, blocks / 2)
    more = more + 2 * units.plain(group, attention.heads.value_room)
    return np.where(blocks > 1, passes + more, passes)


def head_cycles(units: Units, workload: Workload) -> tuple[Number, Number]:
    """Return the cycles of a part of the logits, and the number of parts."""
    machine, hidden = units.machine, workload.loops[0][0][0].hidden
    moved, parts = head_traffic(machine, workload)
    columns = head_shape(machine, workload)[1]
    number, width = panels(machine, hidden, columns)
    stream = Stream(units, units.fetching(moved.commands) + machine.latency + REQUEST)
    there = stream.load(machine.beats(hidden, 2)) + 1
    gains = stream.load(machine.beats(hidden, 4)) + 1
    ready = np.maximum(there + units.sum(1, hidden, inverse=True), gains) + units.quantised(1, hidden)
    stream.load(number * machine.beats(width, 2))
    end = _matrix(units, (hidden, columns, False), ready, stream)
    return end + units.plain(1, width) + _stored(units, machine.beats(columns, 4)), parts
