"""Bytes and commands of one decode step, as the compiler's programs move and hold them: exact."""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from tilewright.sim.graph.precision import CACHE_SCALE
from tilewright.sim.isa.widths import MAX_COUNT

from .cache_loads import key_beats, key_commands, reduces, value_commands, weights_commands
from .heads import Heads, heads_of
from .legality import divides, up
from .machine import Machine, Number
from .workload import Layer, Workload

SHARE = 4
"""Part of a bank that the scores of a block of positions fill at most, as its inverse."""


def weight_beats(machine: Machine, k: Number, n: Number) -> Number:
    """Return the beats of constant (k, n) weights, group scales included."""
    return machine.once(("weight beats", k, n), lambda: _weight_beats(machine, k, n))


def _weight_beats(machine: Machine, k: Number, n: Number) -> Number:
    rows, full, rest = machine.once(("row beats", n), lambda: _row_beats(machine, n))
    if not machine.grouped:
        return k * rows
    scales = full * machine.scale_beats(machine.columns) + machine.scale_beats(rest)
    return k * rows + machine.block_groups(k) * scales


def _row_beats(machine: Machine, n: Number) -> tuple[Number, Number, Number]:
    """Return the beats of a row of n weights, the columns of whole tiles, and the rest."""
    columns = machine.result_columns(n)
    full = np.floor(columns / machine.columns)
    rest = columns - full * machine.columns
    beats = full * machine.tile_row_beats
    return (beats + machine.row_beats(rest) if np.any(rest) else beats), full, rest


class Total:
    """A sum of numbers and arrays: numbers are added first, and each array once."""

    def __init__(self) -> None:
        self._number = 0.0
        self._arrays: Number = None

    def add(self, value: Number) -> None:
        """Add a number for all designs, or an array with one for each."""
        if isinstance(value, int | float):
            self._number += value
        else:
            self._arrays = value if self._arrays is None else self._arrays + value

    @property
    def value(self) -> Number:
        """Sum of all that was added."""
        return self._number if self._arrays is None else self._arrays + self._number


@dataclass
class Moved:
    """Beats and commands of a part of a program."""

    loaded: Number
    """Beats that are loaded into the scratchpad."""
    weights: Number
    """Beats that are loaded into the weight buffer."""
    stored: Number
    """Beats that are written."""
    commands: Number


@dataclass(frozen=True, eq=False)
class Attention:
    """Attention of one token to a cache: the positions that are read, in blocks."""

    heads: Heads
    context: int

    @property
    def machine(self) -> Machine:
        """Machines on which it runs."""
        return self.heads.machine

    @property
    def layer(self) -> Layer:
        """Layer whose attention it is."""
        return self.heads.layer

    @cached_property
    def step(self) -> Number:
        """Number of positions of which the first one of a block is a multiple."""
        machine = self.machine
        numbers = (machine.columns, machine.rows, machine.lanes)
        return np.lcm.reduce(np.broadcast_arrays(*(np.asarray(each, np.int64) for each in numbers))) * 1.0

    @cached_property
    def first(self) -> Number:
        """First position that is read."""
        if not self.layer.window:
            return 0.0
        return np.floor(max(0, self.context - self.layer.window) / self.step) * self.step

    @cached_property
    def positions(self) -> Number:
        """Number of positions that are read."""
        return self.context - self.first

    @cached_property
    def masked(self) -> Number:
        """Mask of the machines on which positions before the window are hidden."""
        return (self.layer.window > 0) & (self.context - 1 - self.layer.window >= self.first)

    @cached_property
    def one_block(self) -> bool:
        """Whether scores of all positions fit into a bank on all machines."""
        return bool(np.all(4 * self.layer.group * self.positions <= self.machine.bank_bytes))

    @cached_property
    def block(self) -> Number:
        """Number of positions in a block; all of them if their scores fit into a bank."""
        each = 4 * self.layer.group
        if self.one_block:
            return self.positions
        size = np.maximum(1, np.floor(np.floor(self.machine.bank_bytes / (SHARE * each)) / self.step)) * self.step
        return np.where(each * self.positions > self.machine.bank_bytes, size, self.positions)

    @cached_property
    def blocks(self) -> Number:
        """Number of blocks; the last one has what is left, too."""
        return 1.0 if self.one_block else np.maximum(1, np.floor(self.positions / self.block))

    @cached_property
    def last_block(self) -> Number:
        """Number of positions in the last block."""
        if self.one_block:
            return self.positions
        return self.positions - (self.blocks - 1) * self.block

    @cached_property
    def key_beats(self) -> Number:
        """Beats of the keys of a head."""
        return up(self.positions, self.machine.columns) * key_beats(self.heads)

    @cached_property
    def value_beats(self) -> Number:
        """Beats of the values of heads side by side."""
        machine, columns = self.machine, self.heads.value_columns
        rows = self.positions * machine.row_beats(columns)
        if machine.grouped:
            rows = rows + machine.block_groups(self.positions) * machine.scale_beats(columns)
        return self.heads.value_chunks * rows

    @cached_property
    def scale_beats(self) -> Number:
        """Beats of the scales of all positions of a head's keys, or values."""
        size = CACHE_SCALE.scratchpad_bytes
        last = self.machine.beats(self.last_block, size)
        return last if self.one_block else last + (self.blocks - 1) * self.machine.beats(self.block, size)


def attention_of(machine: Machine, layer: Layer, context: int) -> Attention:
    """Return the attention of a layer, the same for all closed forms."""
    attention: Attention = machine.once(
        (Attention, layer, context), lambda: Attention(heads_of(machine, layer), context)
    )
    return attention


def panels(machine: Machine, k: Number, n: Number) -> tuple[Number, Number]:
    """Return the number of products into which one with (k, n) weights is cut, so that its sums fit into a bank, and
    the columns of each but the last."""
    found: tuple[Number, Number] = machine.once(("panels", k, n), lambda: _panels(machine, k, n))
    return found


def _panels(machine: Machine, k: Number, n: Number) -> tuple[Number, Number]:
    if not isinstance(n, np.ndarray) and np.all(4 * (n + machine.columns) <= machine.bank_bytes):
        return 1.0, n
    size = 4 * up(n, machine.columns) * machine.columns
    if np.all(size <= machine.bank_bytes):
        return 1.0, n
    wide = np.where(reduces(machine, k, n), 1.0, machine.tiles) * machine.columns
    unit = np.lcm(np.asarray(wide, np.int64), np.asarray(machine.lanes, np.int64))
    width = up(up(n, up(size, machine.bank_bytes)), unit) * unit
    number = up(n, width)
    return number, np.where(number > 1, width, n)


def panel_beats(machine: Machine, k: Number, n: Number) -> Number:
    """Return the beats of the scales of the columns of all panels, each of which is loaded by itself."""
    number, width = panels(machine, k, n)
    if np.all(number == 1):
        return machine.beats(width, 2)
    return (number - 1) * machine.beats(width, 2) + machine.beats(n - (number - 1) * width, 2)


def body_traffic(machine: Machine, body: tuple[Layer, ...], context: int) -> list[Moved]:
    """Return what each layer of a loop's run moves in one decode step, without the input and the output of the run.

    Constants that layers share are loaded once in a run.
    """

    def layers() -> list[Moved]:
        tables = set[str]()
        return [_layer_traffic(machine, layer, context, tables) for layer in body]

    moved: list[Moved] = machine.once((body_traffic, body, context), layers)
    return moved


def _layer_traffic(machine: Machine, layer: Layer, context: int, tables: set[str]) -> Moved:
    """Return what a layer moves; ``tables`` are the constants that are loaded, to which those of this layer are
    added."""
    attention = attention_of(machine, layer, context)
    heads, kv, beats = attention.heads, layer.shared, machine.beats
    loaded, weights, stored, commands = Total(), Total(), Total(), Total()
    # Products with constants: weights, scales of columns, biases; the passes that scale their sums.
    for k, n, bias in heads.matrices.values():
        number, width = panels(machine, k, n)
        each = weight_beats(machine, k, n)
        loaded.add(panel_beats(machine, k, n))
        weights.add(each)
        commands.add(1 + 2 * number)
        commands.add(machine.once(("commands", k, n), partial(_panel_commands, machine, k, n)))
        if bias:
            loaded.add(number * beats(width, 4))
            commands.add(1)
    # Norms: their gains, and passes.
    norms = 4 if layer.post_norms else 2
    loaded.add(norms * beats(layer.hidden, 4))
    commands.add(norms + 3 * norms)
    if layer.head_norms:
        loaded.add(2 * beats(heads.key_room, 4))
        commands.add(2 + 2 * 2)
    # Tables that layers share.
    for name, loads, of_load in _tables(machine, heads, attention):
        if name not in tables:
            tables.add(name)
            loaded.add(loads * of_load)
            commands.add(loads)
    # Rotary embedding of queries and of keys, which become numbers of the array.
    code_passes = 1 + machine.two_passes
    commands.add(2 * heads.turning_passes if layer.table else 2)
    commands.add(1 + code_passes)
    # New keys and values, their scales.
    position = context - 1
    packed = (machine.weight_bits < 8) * 1.0
    odd, even = packed * (position % 2), packed * ((position + 1) % 2)
    if position % 2:
        loaded.add(odd * kv * beats(heads.key_room, machine.weight_bytes_on_chip))
        commands.add(odd)
    else:
        last = up(heads.key_room * machine.weight_bytes_on_chip, machine.bus_bytes)
        stored.add(kv * even * last)
        commands.add(even)
    stored.add(kv * heads.key_room)
    commands.add(2 + 1)
    if machine.grouped:
        # Keys of each head are stored tile by tile, unless the heads follow one another like tiles.
        gaps = (context > machine.columns) | ~divides(machine.word_bytes, heads.key_room * machine.weight_bytes_on_chip)
        by_tile = (machine.group_rows > 0) & (heads.key_room > machine.rows)
        commands.add((kv - 1) * (by_tile & gaps))
    stored.add(2 * kv)
    stored.add(_value_row_beats(heads))
    commands.add(heads.beside * (3 + code_passes))
    commands.add(_value_stores(heads))
    # Attention.
    loaded.add(2 * kv * attention.scale_beats)
    weights.add(kv * attention.key_beats)
    weights.add(kv / heads.beside * attention.value_beats)
    commands.add(_attention_commands(attention))
    # Between attention, network and residual: passes that no product above has.
    commands.add(2 + 2)
    return Moved(loaded.value, weights.value, stored.value, commands.value)


def _panel_commands(machine: Machine, k: Number, n: Number) -> Number:
    """Return the number of commands that load the weights of all panels."""
    number, width = panels(machine, k, n)
    if np.all(number == 1):
        return weights_commands(weight_beats(machine, k, n))
    last = weights_commands(weight_beats(machine, k, n - (number - 1) * width))
    return (number - 1) * weights_commands(weight_beats(machine, k, width)) + last


def _value_stores(heads: Heads) -> Number:
    """Return the number of stores of the new values of all heads."""
    machine = heads.machine
    wider = heads.value_room > machine.columns
    if not np.any(wider):
        return heads.beside
    # Rows of values that are beats are elements of one store for all heads.
    one_store = (machine.weight_bits == 8) & (machine.columns == machine.bus_bytes)
    return np.where(wider & ~one_store, heads.layer.shared, heads.beside)


def _attention_commands(attention: Attention) -> Number:
    """Return the number of commands between new keys and values and the result of attention."""
    heads, kv, context = attention.heads, attention.layer.shared, attention.context
    last_one, last_loads = key_commands(heads, attention.last_block)
    of_keys: Number = last_one + last_loads + 2
    of_values: Number = value_commands(heads, attention.last_block, context) + 1
    more = attention.blocks - 1
    if np.any(more):
        one, loads = key_commands(heads, attention.block)
        of_keys = of_keys + more * (one + loads + 2)
        of_values = of_values + more * (value_commands(heads, attention.block, context) + 1)
    return kv * of_keys + kv / heads.beside * of_values + kv * _attention_passes(attention)


def _attention_passes(attention: Attention) -> Number:
    """Return the number of passes for a head of keys: those of one block, or of several that are brought together."""
    if attention.one_block:
        return 5.0
    return np.where(attention.blocks > 1, 11 * attention.blocks - 1, 5.0)


def _tables(machine: Machine, heads: Heads, attention: Attention) -> list[tuple[str, Number, Number]]:
    """Return the constants that layers share: name, number of loads, and beats of each."""
    found: list[tuple[str, Number, Number]] = [("one", 1.0, machine.beats(1, 4))]
    if heads.layer.table:
        found.append((heads.layer.table, 2.0, machine.beats(heads.table_columns, 4)))
    if np.any(attention.masked):
        found.append((f"mask.{heads.layer.window}", attention.masked * 1.0, machine.beats(attention.positions, 4)))
    if np.any(machine.two_passes):
        # Factors with which numbers become E2M1, two rows for each size of a head.
        room, value = heads.key_room, heads.value_room
        found.append(("factors of keys", machine.two_passes, 2 * machine.beats(room, 4)))
        found.append(("factors of values", machine.two_passes * (room != value), 2 * machine.beats(value, 4)))
    return found


def _value_row_beats(heads: Heads) -> Number:
    """Return the beats in which the values of all heads of one position are written."""
    machine, layer = heads.machine, heads.layer
    if np.all(heads.beside == 1) and np.all(heads.value_room <= machine.columns):
        return layer.shared * up(heads.value_room * machine.weight_bits / 8, machine.bus_bytes)
    total: Number = 0.0
    for number in range(int(np.max(heads.beside))):
        total = total + (number < heads.beside) * _beats_of_elements(heads, number * heads.value_room)
    return layer.shared / heads.beside * total


def _beats_of_elements(heads: Heads, first: Number) -> Number:
    """Return the beats in which the values of a head are written that begins with an element of a position."""
    machine = heads.machine
    size = machine.weight_bits / 8
    chunks = up(heads.value_room, heads.value_columns)
    width = np.minimum(heads.value_room, heads.value_columns)
    begin = np.floor(first * size / machine.bus_bytes)
    rest = heads.value_room - (chunks - 1) * width
    one = np.ceil((first + width) * size / machine.bus_bytes) - begin
    last = np.ceil((first + rest) * size / machine.bus_bytes) - begin
    return (chunks - 1) * one + last


def decode_moved(machine: Machine, workload: Workload) -> Moved:
    """Return what a decode step moves, with the commands that are fetched ahead and dropped."""
    loaded, weights, stored, commands = Total(), Total(), Total(), Total()
    commands.add(1)  # the END, and what is fetched behind it
    commands.add(machine.fetch_depth)
    for body, runs in workload.loops:
        ends = machine.beats(body[0].hidden, 2)
        loaded.add(runs * ends)
        stored.add(runs * ends)
        # Of each run a load and a store, ADDs, fence and REPEAT; before it SETs, LOOP and its fence.
        commands.add(runs * (2 + 4) + 4)
        commands.add((runs - 1) * machine.fetch_depth)
        for moved in body_traffic(machine, body, workload.context):
            loaded.add(runs * moved.loaded)
            weights.add(runs * moved.weights)
            stored.add(runs * moved.stored)
            commands.add(runs * moved.commands)
    if workload.vocabulary:
        moved, parts = head_traffic(machine, workload)
        loaded.add(parts * moved.loaded)
        weights.add(parts * moved.weights)
        stored.add(parts * moved.stored)
        commands.add(4 + parts * (moved.commands + 4) + (parts - 1) * machine.fetch_depth)
    return Moved(loaded.value, weights.value, stored.value, commands.value)


def decode_traffic(machine: Machine, workload: Workload) -> tuple[Number, Number]:
    """Return the bytes of a decode step: those that are read, commands included, and those that are written."""
    moved = decode_moved(machine, workload)
    read = (moved.loaded + moved.weights + moved.commands * machine.command_beats) * machine.bus_bytes
    return read, moved.stored * machine.bus_bytes


def head_shape(machine: Machine, workload: Workload) -> tuple[Number, Number]:
    """Return the number of equal parts of the logits, and the columns of a part: whole blocks that fit into a bank."""
    found: tuple[Number, Number] = machine.once((head_shape, workload), lambda: _head_shape(machine, workload))
    return found


def _head_shape(machine: Machine, workload: Workload) -> tuple[Number, Number]:
    block = machine.all_columns
    blocks = up(workload.vocabulary, block)
    most = np.maximum(1, np.floor(np.minimum(np.floor(machine.bank_bytes / 4), MAX_COUNT) / block))
    parts = up(blocks, most)
    return parts, up(blocks, parts) * block


def head_traffic(machine: Machine, workload: Workload) -> tuple[Moved, Number]:
    """Return what a part of the logits moves, and the number of parts."""
    found: tuple[Moved, Number] = machine.once((head_traffic, workload), lambda: _head_traffic(machine, workload))
    return found


def _head_traffic(machine: Machine, workload: Workload) -> tuple[Moved, Number]:
    hidden = workload.loops[0][0][0].hidden
    parts, columns = head_shape(machine, workload)
    beats = weight_beats(machine, hidden, columns)
    number = panels(machine, hidden, columns)[0]
    loaded = machine.beats(hidden, 2) + machine.beats(hidden, 4) + panel_beats(machine, hidden, columns)
    commands = 7 + 2 * number + _panel_commands(machine, hidden, columns)
    return Moved(loaded, beats, machine.beats(columns, 4), commands), parts
