"""Programs of a decode step as a schedule needs them: products, loads and passes, whatever the timing of memory."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from .cache_loads import key_commands
from .heads import Heads
from .legality import up
from .machine import Machine, Number
from .traffic import Attention, attention_of, body_traffic, head_shape, head_traffic, panels, weight_beats
from .units import Units, product_mode
from .waits import softmax_waits
from .workload import Layer, Workload


@dataclass(frozen=True)
class Product:
    """A product with weights from main memory."""

    beats: Number
    """Beats of weights."""
    cycles: Number
    """Cycles if all weights are there."""
    tail: Number
    """Cycles after the last beat of weights."""


@dataclass(frozen=True)
class AttentionProgram:
    """Attention of all heads: scores of a head at a time, and weighted sums of heads side by side."""

    scores: Product
    weighted: Product
    first_scales: Number
    """Beats of the scales of keys and values of the first product of scores."""
    other_scales: Number
    """Beats of all other scales."""
    more_scores: Number
    """Number of products of scores after the first one."""
    more_sums: Number
    """Number of weighted sums before the last one."""
    last_softmax: Number
    """Cycles of the passes between the last scores and the last weighted sum."""
    all_softmax: Number
    """Cycles of the passes of all heads and blocks, and of the results of all heads but the last ones."""
    waits: Number
    """Cycles for which the array waits for passes before the last scores are there."""
    results: Number
    """Cycles of the passes over the last results."""
    one_block: Number
    """1 where the last weighted sum waits for the softmax before it, 0 where blocks follow one another."""


@dataclass(frozen=True)
class LayerProgram:
    """A layer of a decode step: cycles of passes, beats of loads, products."""

    products: dict[str, Product]
    loads: dict[str, Number]
    passes: dict[str, Number]
    key_elements: Number
    """Number of rows in which new keys are written."""
    attention: AttentionProgram
    weights: Number
    """Beats of all constant weights."""
    commands: Number


@dataclass(frozen=True)
class HeadProgram:
    """A part of the logits."""

    product: Product
    loads: dict[str, Number]
    passes: dict[str, Number]
    parts: Number
    """Number of parts."""
    commands: Number


@dataclass(frozen=True)
class Program:
    """A decode step: layers of each loop with the number of runs, and the logits."""

    loops: tuple[tuple[tuple[LayerProgram, ...], int], ...]
    head: HeadProgram | None


def decode_program(machine: Machine, workload: Workload) -> Program:
    """Return the program of a decode step."""
    units = Units(machine)
    loops = []
    for body, runs in workload.loops:
        moved = body_traffic(machine, body, workload.context)
        layers = (
            _layer(units, layer, workload.context, each.commands) for layer, each in zip(body, moved, strict=True)
        )
        loops.append((tuple(layers), runs))
    return Program(tuple(loops), _head(units, workload) if workload.vocabulary else None)


def expanded(value: Any, places: np.ndarray) -> Any:
    """Return a program with the numbers of all designs, given the place of each among those that were computed."""
    done: dict[int, Any] = {}

    def each(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            if id(part) not in done:
                first = part.flat[0]
                done[id(part)] = first if (part == first).all() else part.take(places)
            return done[id(part)]
        if isinstance(part, dict):
            return {key: each(inside) for key, inside in part.items()}
        if isinstance(part, tuple):
            return tuple(map(each, part))
        if is_dataclass(part) and not isinstance(part, type):
            return replace(part, **{field.name: each(getattr(part, field.name)) for field in fields(part)})
        return part

    return each(value)


def _product(units: Units, k: Number, n: Number) -> Product:
    """Return a product of one vector with constant weights."""
    found: Product = units.machine.once(
        (Product, k, n), lambda: Product(weight_beats(units.machine, k, n), *units.matrix(k, n))
    )
    return found


def _layer(units: Units, layer: Layer, context: int, commands: Number) -> LayerProgram:
    machine, hidden = units.machine, layer.hidden
    attention = attention_of(machine, layer, context)
    heads, beats = attention.heads, machine.beats
    shapes = heads.matrices

    def columns(name: str) -> Number:
        n, bias = shapes[name][1:]
        return beats(n, 2) + beats(n, 4) if bias else beats(n, 2)

    squares, quantised, wide = units.sum(1, hidden, inverse=True), units.quantised(1, hidden), shapes["down"][0]
    add = units.plain(1, hidden)
    if layer.post_norms:
        add = 3 * add + squares
    return LayerProgram(
        products={name: _product(units, k, n) for name, (k, n, _) in shapes.items()},
        loads={
            "input": beats(hidden, 2),
            "gains": beats(hidden, 4),
            "value": columns("value") + columns("key") + beats(1, 4),
            "query": columns("query") + (2 * beats(heads.table_columns, 4) if layer.table else 0.0),
            "output": columns("output") + beats(hidden, 4) + columns("gate"),
            "up": columns("up"),
            "down": columns("down"),
        },
        passes={
            "squares": squares,
            "quantised": quantised,
            "add": add,
            "norm": add + squares + quantised,
            "queries": _turned(units, heads, layer.heads, shapes["query"][1]),
            "values": _new_values(units, heads, shapes["value"][1]),
            "keys": _turned(units, heads, layer.shared, shapes["key"][1]),
            "mixed": units.quantised(1, shapes["output"][0]),
            "gated": units.plain(1, wide) + units.quantised(1, wide),
        },
        key_elements=layer.shared * heads.key_room,
        attention=_attention(units, attention),
        weights=sum(weight_beats(machine, k, n) for k, n, _ in shapes.values()),
        commands=commands,
    )


def _turned(units: Units, heads: Heads, number: int, columns: Number) -> Number:
    """Return the cycles from the sums of a projection of heads to the numbers that the array takes."""
    layer, room = heads.layer, heads.key_room
    cycles = units.plain(1, columns)
    if layer.head_norms:
        cycles = cycles + units.sum(number, room, inverse=True) + units.plain(number, room)
    if layer.table:
        cycles = cycles + units.plain(number, room)
    return cycles + units.quantised(number, room)


def _new_values(units: Units, heads: Heads, columns: Number) -> Number:
    """Return the cycles of the passes over new values."""
    rows, room = heads.layer.shared / heads.beside, heads.value_room
    return units.plain(1, columns) + heads.beside * (units.quantised(rows, room) + units.plain(rows, 1))


def _attention(units: Units, attention: Attention) -> AttentionProgram:
    machine, heads, layer = units.machine, attention.heads, attention.layer
    group, kv, blocks = layer.group, layer.shared, attention.blocks
    room, wide = heads.key_room, heads.value_chunks * heads.value_columns
    positions = attention.positions / blocks
    parts = key_commands(heads, positions)[0]
    columns = up(positions / parts, machine.columns) * machine.columns
    keys, values = attention.key_beats / blocks / parts, attention.value_beats / blocks
    mode = product_mode(machine, room, columns, of_cache=True)
    scores = Product(keys, *units.product(group, room, columns, keys, mode))
    mode = product_mode(machine, positions, wide, of_cache=True)
    weighted = Product(values, *units.product(group * heads.beside, positions, wide, values, mode))
    softmax, mix = _softmax(units, attention), units.plain(group, heads.value_room)
    products, scales = kv / heads.beside, 2 * attention.scale_beats / blocks
    # Half of the passes of heads side by side come after all their scores, less what ends before the last ones.
    before = np.ceil(4 * keys / softmax)
    others = (heads.beside - 1) * np.clip(4 - before, 0.0, 2.0) / 4
    return AttentionProgram(
        scores=scores,
        weighted=weighted,
        first_scales=scales,
        other_scales=(kv * blocks - 1) * scales,
        more_scores=kv * blocks * parts - 1,
        more_sums=products * blocks - 1,
        last_softmax=softmax * (1 + others),
        all_softmax=kv * blocks * softmax + (products - 1) * heads.beside * mix,
        waits=softmax_waits(machine, attention) * (kv * blocks - 1) * softmax,
        results=heads.beside * mix,
        one_block=1.0 if attention.one_block else (blocks == 1) * 1.0,
    )


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


def _head(units: Units, workload: Workload) -> HeadProgram:
    machine, hidden = units.machine, workload.loops[0][0][0].hidden
    moved, parts = head_traffic(machine, workload)
    columns = head_shape(machine, workload)[1]
    number, width = panels(machine, hidden, columns)
    return HeadProgram(
        product=_product(units, hidden, columns),
        loads={
            "input": machine.beats(hidden, 2),
            "gains": machine.beats(hidden, 4),
            "columns": number * machine.beats(width, 2),
            "logits": machine.beats(columns, 4),
        },
        passes={
            "squares": units.sum(1, hidden, inverse=True),
            "quantised": units.quantised(1, hidden),
            "logits": units.plain(1, width),
        },
        parts=parts,
        commands=moved.commands,
    )
