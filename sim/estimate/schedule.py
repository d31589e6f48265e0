"""Cycles of a decode step: the schedule of its program as recurrences over products and loads, in closed form."""

from dataclasses import dataclass

import numpy as np

from .machine import Machine, Number
from .program import AttentionProgram, HeadProgram, LayerProgram, Product, Program
from .units import REQUEST, Units
from .waits import LATE_KEYS, MANY_BANKS

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

    def product(self, begin: Number, product: Product) -> Number:
        """Run a product that could begin in a cycle; return the cycle in which it ends."""
        units, machine, beats = self.units, self.units.machine, product.beats
        behind = beats - machine.weight_buffer_beats
        refilled = begin + self.units.refill + behind * units.weight_cycles
        self.there = self.there + beats * units.weight_cycles
        self.there = np.where(behind > 0, np.maximum(self.there, refilled), self.there)
        return np.maximum(self.there + (product.tail + 3), begin + (product.cycles + 1))

    def pause(self, product: Product) -> Number:
        """Return the cycles for which loads stop at the end of a product: the weight buffer is full until the next
        product takes the first beat."""
        units, machine = self.units, self.units.machine
        pause = product.tail + (self.units.refill + 1 - machine.weight_buffer_beats * units.weight_cycles)
        return np.where(product.beats > machine.weight_buffer_beats, np.maximum(pause, 0.0), 0.0)


def decode_cycles(machine: Machine, program: Program) -> Number:
    """Return the cycles of a program of a decode step."""
    units = Units(machine)
    fetch = machine.command_beats
    # From a fence to the first load after it: what was fetched ahead is dropped and fetched anew.
    begin = machine.latency + 2 * fetch / machine.peak_rate + 24
    total: Number = begin
    for body, runs in program.loops:
        cycles: Number = 0.0
        for number, layer in enumerate(body):
            cycles = cycles + layer_cycles(units, layer, number == 0, number == len(body) - 1)
        total = total + runs * (cycles + begin)
    if program.head:
        total = total + program.head.parts * (head_cycles(units, program.head) + begin)
    return total


def layer_cycles(units: Units, layer: LayerProgram, first: bool, last: bool) -> Number:
    """Return the cycles from the first load of a layer to the end of its store.

    Parameters
    ----------
    first, last : bool
        Whether the layer is the first, or the last, in a run of a loop.
    """
    machine, loads, passes, products = units.machine, layer.loads, layer.passes, layer.products
    begin = machine.latency + REQUEST
    stream = Stream(units, begin + units.fetching(layer.commands) if first else begin)
    # Input, norm.
    there = stream.load(loads["input"]) + 1 if first else 0.0
    gains = stream.load(loads["gains"]) + 1
    ready = np.maximum(there + passes["squares"], gains) + passes["quantised"]
    # Values, keys, queries.
    stream.load(loads["value"])
    value = stream.product(ready, products["value"])
    stream.load(loads["query"])
    key = stream.product(value, products["key"])
    query = stream.product(key, products["query"])
    written = layer.key_elements * np.maximum((machine.latency + 4) / machine.outstanding, 2.0)
    stored = key + passes["keys"] + written + machine.latency
    ready = np.maximum(query + passes["queries"], stored)
    # With few banks, a pass over new values or keys, or the store, waits for a port that the product of queries holds.
    late = np.maximum(query + passes["values"] + passes["keys"] + written + machine.latency - ready, 0.0)
    stored = np.where(machine.banks < MANY_BANKS, ready + LATE_KEYS * late, stored)
    # Attention.
    stream.wait(stored)
    mixed = _attention(np.maximum(ready, stored), layer.attention, stream)
    # Output, network.
    stream.load(loads["output"])
    output = stream.product(mixed + passes["mixed"], products["output"])
    stream.load(loads["up"])
    gate = stream.product(output + passes["norm"], products["gate"])
    stream.load(loads["down"])
    gated = stream.product(gate, products["up"]) + passes["gated"]
    down = stream.product(gated, products["down"])
    end = down + passes["add"] + units.shared(layer.weights, layer.commands)
    return end + _stored(units, loads["input"]) if last else end


def _stored(units: Units, beats: Number) -> Number:
    """Return the cycles of the store of a row of so many beats."""
    return beats * units.store_cycles + units.machine.latency + STORE


def _attention(begin: Number, attention: AttentionProgram, stream: Stream) -> Number:
    """Run attention of all heads; return the cycle in which its last pass ends.

    The array takes the scores of a head, then those of all others with the weighted sums that can already be computed,
    then the last weighted sum. Softmax of a head goes on beside products of the other heads.
    """
    scores, weighted = attention.scores, attention.weighted
    # The first scores.
    stream.load(attention.first_scales)
    first = stream.product(begin, scores)
    # All other products but the last.
    stream.load(attention.other_scales)
    others, sums = attention.more_scores, attention.more_sums
    number = others + sums
    buffer = stream.units.machine.weight_buffer_beats * stream.units.weight_cycles
    stream.there = stream.there + others * stream.pause(scores) + sums * stream.pause(weighted)
    stream.there = stream.there + np.maximum(attention.waits - number * buffer, 0.0)
    between = Product(
        beats=others * scores.beats + sums * weighted.beats,
        cycles=others * (scores.cycles + 1) + sums * (weighted.cycles + 1) + attention.waits,
        tail=weighted.tail,
    )
    most = np.where(number > 0, stream.product(first, between), first)
    # The last weighted sum, when its softmax is there.
    last = most - (sums > 0) * (weighted.cycles + 1) + attention.last_softmax
    ready = np.maximum(np.maximum(most, first + attention.all_softmax), last * attention.one_block)
    return stream.product(ready, weighted) + attention.results


def head_cycles(units: Units, head: HeadProgram) -> Number:
    """Return the cycles of a part of the logits."""
    stream = Stream(units, units.fetching(head.commands) + (units.machine.latency + REQUEST))
    there = stream.load(head.loads["input"]) + 1
    gains = stream.load(head.loads["gains"]) + 1
    ready = np.maximum(there + head.passes["squares"], gains) + head.passes["quantised"]
    stream.load(head.loads["columns"])
    end = stream.product(ready, head.product)
    return end + head.passes["logits"] + _stored(units, head.loads["logits"])
