"""Products and passes of one decode step, as the compiler's programs have them: what energy on chip follows from."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto

import numpy as np

from .cache_loads import reduces
from .heads import Heads
from .legality import up
from .machine import Machine, Number
from .traffic import Attention, attention_of, head_shape
from .workload import Layer, Workload


class Use(Flag):
    """Parts of the vector unit and matrices that a pass uses, besides A."""

    NOTHING = 0
    ADD = auto()
    """A row scalar is added to each element."""
    MULTIPLY = auto()
    """Each element is multiplied by a row scalar."""
    EXPONENTIAL = auto()
    GATE = auto()
    """SiLU or GELU."""
    SQUARE = auto()
    B = auto()
    """Each element is multiplied by one of B."""
    C = auto()
    """An element of C is added to each element."""
    D = auto()
    """The result is written."""
    SUM = auto()
    MAXIMUM = auto()
    """The largest element, or the largest magnitude, of each row is found."""


SQUARES = Use.SQUARE | Use.SUM
SCALED = Use.MULTIPLY | Use.B | Use.D
SCALED_AND_ADDED = SCALED | Use.C
QUANTISED = Use.MULTIPLY | Use.D
SCALARS_WRITTEN = Use.MULTIPLY | Use.D


@dataclass(frozen=True)
class Pass:
    """A pass of the vector unit over a matrix, so many times."""

    times: Number
    rows: Number
    columns: Number
    uses: Use


@dataclass(frozen=True)
class ArrayProduct:
    """A product of the array with (k, n) weights, padding included, so many times."""

    times: Number
    vectors: Number
    k: Number
    n: Number
    reduce: Number
    """1 if blocks of weights are as high as all tiles together, else 0."""


@dataclass(frozen=True)
class Commands:
    """Products and passes of a run."""

    products: list[ArrayProduct]
    passes: list[Pass]


def decode_commands(machine: Machine, workload: Workload) -> Commands:
    """Return the products and passes of a decode step."""
    found: Commands = machine.once((decode_commands, workload), lambda: _decode(machine, workload))
    return found


def _decode(machine: Machine, workload: Workload) -> Commands:
    products: list[ArrayProduct] = []
    passes: list[Pass] = []
    times: dict[Layer, int] = {}
    for body, runs in workload.loops:
        for layer in body:
            times[layer] = times.get(layer, 0) + runs
    for layer, runs in times.items():
        attention = attention_of(machine, layer, workload.context)
        products += _layer_products(machine, attention, runs)
        passes += [Pass(runs * times, *rest) for times, *rest in _layer_passes(machine, attention.heads, attention)]
    if workload.vocabulary:
        hidden = workload.loops[0][0][0].hidden
        parts, columns = head_shape(machine, workload)
        products.append(_constant(machine, parts, hidden, columns))
        shapes = ((1, hidden, SQUARES), (1, hidden, SCALED | Use.MAXIMUM), (1, hidden, QUANTISED), (1, columns, SCALED))
        passes += [Pass(parts, *shape) for shape in shapes]
    return Commands(products, passes)


def _constant(machine: Machine, times: Number, k: Number, n: Number) -> ArrayProduct:
    """Return a product of one vector with constant weights: its panels are whole blocks, and together like one."""
    return ArrayProduct(times, 1.0, k, machine.result_columns(n), reduces(machine, k, n))


def _layer_products(machine: Machine, attention: Attention, runs: int) -> Iterator[ArrayProduct]:
    """Yield the products of a layer."""
    heads, layer = attention.heads, attention.layer
    for k, n, _ in heads.matrices.values():
        yield _constant(machine, runs, k, n)
    wide = heads.value_chunks * heads.value_columns
    for positions, times in ((attention.block, attention.blocks - 1), (attention.last_block, 1.0)):
        if np.all(times == 0):
            continue
        keys = up(positions, machine.columns) * machine.columns
        mode = reduces(machine, heads.key_room, keys, or_equal=True)
        yield ArrayProduct(runs * times * layer.shared, layer.group, heads.key_room, keys, mode)
        mode = reduces(machine, positions, wide, or_equal=True)
        yield ArrayProduct(
            runs * times * layer.shared / heads.beside, layer.group * heads.beside, positions, wide, mode
        )


_Shape = tuple[Number, Number, Number, Use]


def _layer_passes(machine: Machine, heads: Heads, attention: Attention) -> Iterator[_Shape]:
    """Yield the passes of a layer: how often, rows, columns, uses."""
    layer, hidden, shapes = heads.layer, heads.layer.hidden, heads.matrices
    # Norms before attention and network.
    yield 2, 1, hidden, SQUARES
    yield 2, 1, hidden, SCALED | Use.MAXIMUM
    yield 2, 1, hidden, QUANTISED
    # Projections to heads, and their turning.
    for name in ("query", "key", "value"):
        yield 1, 1, shapes[name][1], SCALED_AND_ADDED if shapes[name][2] else SCALED
    for number in (layer.heads, layer.shared):
        yield from _turned(heads, number)
    yield 1, layer.heads, heads.key_room, QUANTISED
    # New keys and values, and their scales.
    yield from _codes(machine, layer.shared, heads.key_room)
    yield heads.beside, layer.shared / heads.beside, heads.value_room, Use.MAXIMUM
    yield from _codes(machine, layer.shared, heads.value_room, heads.beside)
    yield from _attention(attention)
    # Output and network; residuals are added to the sums, or to what a norm has made of these.
    mixed, wide = shapes["output"][0], shapes["down"][0]
    yield 1, 1, mixed, Use.MAXIMUM
    yield 1, 1, mixed, QUANTISED
    if layer.post_norms:
        yield 2, 1, hidden, SQUARES
        yield 4, 1, hidden, SCALED
        yield 2, 1, hidden, Use.C | Use.D
    else:
        yield 2, 1, hidden, SCALED_AND_ADDED
    yield 2, 1, wide, SCALED
    yield 1, 1, wide, Use.GATE | Use.B | Use.D | Use.MAXIMUM
    yield 1, 1, wide, QUANTISED


def _turned(heads: Heads, number: int) -> Iterator[_Shape]:
    """Yield the passes of norms and rotary embedding of heads, up to their measurement."""
    layer, room = heads.layer, heads.key_room
    if layer.head_norms:
        yield 1, number, room, SQUARES
        yield 1, number, room, SCALED
    if not layer.table:
        yield 1, number, room, Use.MAXIMUM
        return
    # Where heads share steps, their halves are turned apart, and measured together.
    apart = heads.together > 1
    turned = Use.B | Use.C | Use.D
    yield 1, number, room, Use.B | Use.D
    yield np.where(apart, 0.0, 1.0), number, room, turned | Use.MAXIMUM
    if np.any(apart):
        yield np.where(apart, 1.0, 0.0), number, room, turned
        yield np.where(apart, 1.0, 0.0), number, room, Use.MAXIMUM


def _codes(machine: Machine, number: int, room: Number, beside: Number = 1.0) -> Iterator[_Shape]:
    """Yield the passes that make heads numbers of the cache and write their scales, some heads at a time."""
    two, rows = machine.two_passes, number / beside
    yield beside, rows, 1, SCALARS_WRITTEN
    yield (1 - two) * beside, rows, room, QUANTISED
    if np.any(two):
        yield two * beside, rows, room, SCALED | Use.MAXIMUM
        yield two * beside, rows, room, Use.ADD | Use.B | Use.D


def _attention(attention: Attention) -> Iterator[_Shape]:
    """Yield the passes from the scores to the weighted sums of all heads."""
    layer, value, blocks = attention.layer, attention.heads.value_room, attention.blocks
    group, kv = layer.group, layer.shared
    for positions, times in ((attention.block, kv * (blocks - 1)), (attention.last_block, kv)):
        if np.all(times == 0):
            continue
        hidden = attention.masked * 1.0
        yield times * (1 - hidden), group, positions, SCALED | Use.MAXIMUM
        if np.any(hidden):
            yield times * hidden, group, positions, SCALED_AND_ADDED | Use.MAXIMUM
        yield times, group, positions, Use.EXPONENTIAL | Use.SUM | Use.ADD | Use.D
        several = (blocks > 1) * 1.0
        # Only probabilities of one block are already divided by their sum.
        yield times * (1 - several), group, positions, SCALED | Use.MAXIMUM
        if np.any(several):
            yield times * several, group, positions, Use.B | Use.D | Use.MAXIMUM
        yield times, group, positions, QUANTISED
    yield kv, group, value, QUANTISED
    if not np.any(blocks > 1):
        return
    # What brings blocks together.
    several = kv * (blocks > 1)
    for block in range(1, int(np.max(blocks)) + 1):
        there = several * (block <= blocks)
        yield 2 * there, group, 1, SCALARS_WRITTEN
        yield there, group, block, Use.MAXIMUM
        later = several * (block < blocks)
        yield later, group, block, Use.EXPONENTIAL | Use.MAXIMUM | Use.ADD
        yield later, group, 1, Use.MULTIPLY | Use.C | Use.D
        yield later, group, value, QUANTISED
        yield later, group, value, Use.MULTIPLY | Use.C | Use.D
    yield several, group, 1, Use.SUM
    yield several, group, value, QUANTISED
