"""Heads of attention as the compiler fits them to the units: their padding, and those whose values lie side by side."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .legality import divides, power_of_two, up
from .machine import Machine, Number
from .workload import Layer, Matrix


@dataclass(frozen=True, eq=False)
class Heads:
    """Heads of a layer on many machines."""

    machine: Machine
    layer: Layer

    @cached_property
    def _half(self) -> tuple[Number, Number]:
        """Whole steps of half a head, and the elements behind them."""
        half, lanes = self.layer.size / 2, self.machine.lanes
        steps = np.floor(half / lanes)
        return steps, half - steps * lanes

    @cached_property
    def together(self) -> Number:
        """Number of heads of queries, and of keys, whose rests share a step; 1 if each has its own room."""
        layer, lanes = self.layer, self.machine.lanes
        if not layer.table or layer.head_norms:
            return 1.0
        steps, rest = self._half
        if not np.any(rest):
            return 1.0
        number = lanes / np.maximum(rest, 1)
        possible = (rest > 0) & (steps > 0) & power_of_two(np.maximum(steps, 1)) & divides(np.maximum(rest, 1), lanes)
        possible = possible & divides(self._beat, 2 * lanes * (steps + 1))
        possible = possible & divides(number, layer.heads * 1.0) & divides(number, layer.shared * 1.0)
        return np.where(possible, number, 1.0)

    @property
    def _beat(self) -> Number:
        """Activations in a beat of the array's, as whole bytes."""
        machine = self.machine
        return np.maximum(machine.activation_bus_bits, 8) / machine.input_bits

    @cached_property
    def key_room(self) -> Number:
        """Number of elements for which each head of queries and of keys has room."""
        lanes = self.machine.lanes
        doublings = np.ceil(np.log2(np.maximum(self.layer.size / (2 * lanes), 1)))
        own = np.maximum(2 * lanes * np.exp2(doublings), self._beat)
        if np.all(self.together == 1):
            return own
        return np.where(self.together > 1, 2 * lanes * (self._half[0] + 1), own)

    @property
    def turning_passes(self) -> Number:
        """Number of passes of rotary embedding, measurement included, of queries or of keys."""
        return np.where(self.together > 1, 4 * self.together + 1, 2.0) if np.any(self.together > 1) else 2.0

    @cached_property
    def value_room(self) -> Number:
        """Number of elements for which each head of values has room."""
        return up(self.layer.size, self.machine.lanes) * self.machine.lanes

    @cached_property
    def table_columns(self) -> Number:
        """Number of columns of a table of rotary embedding."""
        shared = 2 * self.machine.lanes
        several = shared * self._half[0] + self.together * shared
        return np.where(self.together > 1, several, self.key_room)

    @cached_property
    def beside(self) -> Number:
        """Number of heads whose values lie side by side: the smallest with which rows take the fewest beats."""
        machine, room = self.machine, self.value_room
        best: Number = 1.0
        beats = machine.row_beats(room)
        for number in range(2, self.layer.shared + 1):
            if not np.any(number * room <= machine.columns):
                break
            if self.layer.shared % number == 0:
                each = machine.row_beats(number * room) / number
                better = (number * room <= machine.columns) & (each < beats)
                best, beats = np.where(better, number, best), np.where(better, each, beats)
        return best

    @cached_property
    def value_columns(self) -> Number:
        """Number of columns of a chunk of values."""
        machine = self.machine
        wide = machine.result_columns(self.beside * self.value_room)
        return np.minimum(machine.columns, wide)

    @cached_property
    def value_chunks(self) -> Number:
        """Number of chunks of the values of heads side by side."""
        return up(self.beside * self.value_room, self.value_columns)

    @cached_property
    def matrices(self) -> dict[str, tuple[Number, Number, bool]]:
        """Rows, columns and bias of each product with weights, by the names of :class:`.workload.Layer`."""
        layer = self.layer

        def shape(matrix: Matrix, columns: Number = 0, rows: Number = 0) -> tuple[Number, Number, bool]:
            return matrix.k + rows, matrix.n + columns, matrix.bias

        # Numbers, in place of arrays of one number, are computed once for all designs.
        padding: Number = np.where(self.together > 1, 0.0, self.key_room - layer.size)
        padding = padding if np.any(padding) else 0
        of_values = self.value_room - layer.size
        of_values = of_values if np.any(of_values) else 0
        return {
            "query": shape(layer.query, layer.heads * padding),
            "key": shape(layer.key, layer.shared * padding),
            "value": shape(layer.value, layer.shared * of_values),
            "output": shape(layer.output, rows=layer.heads * of_values),
            "gate": shape(layer.gate),
            "up": shape(layer.up),
            "down": shape(layer.down),
        }


def heads_of(machine: Machine, layer: Layer) -> Heads:
    """Return the heads of a layer, the same for all closed forms."""
    heads: Heads = machine.once((Heads, layer), lambda: Heads(machine, layer))
    return heads
