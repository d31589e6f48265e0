"""Commands that load keys and values of heads from the cache, as closed forms: exact.

A cache is stored in chunks of as many columns as a tile has. A product takes the rows of a chunk tile by tile, and
chunks that are beside one another block by block. Rows that follow one another in memory are one run; a command loads a
run, runs of one length at equal distances, or planes of these.
"""

from typing import Any

import numpy as np

from tilewright.sim.isa.widths import MAX_COUNT

from .heads import Heads
from .legality import up
from .machine import Machine, Number

LARGEST_PIECE = 1 << MAX_COUNT.bit_length() - 1
"""Beats of a piece of a load of weights that is longer than a command can count."""


def weights_commands(beats: Number) -> Number:
    """Return the number of commands that load so many beats of weights that follow one another."""
    pieces = beats / LARGEST_PIECE
    return 1.0 + (beats > MAX_COUNT) * (pieces != np.floor(pieces))


def reduces(machine: Machine, k: Number, n: Number, *, or_equal: bool = False) -> Number:
    """Return where the blocks of a product with (k, n) weights are as high as all tiles: fewer are then needed."""
    return machine.once(("reduces", k, n, or_equal), lambda: _reduces(machine, k, n, or_equal))


def _reduces(machine: Machine, k: Number, n: Number, or_equal: bool) -> Number:
    below = up(k, machine.all_rows) * up(n, machine.columns)
    beside = up(k, machine.rows) * up(n, machine.all_columns)
    return (machine.tiles > 1) & ((below <= beside) if or_equal else (below < beside))


def key_commands(heads: Heads, positions: Number) -> tuple[Number, Number]:
    """Return the number of products with so many positions of a head's keys, and of the loads of their weights."""
    machine, room = heads.machine, heads.key_room
    chunks = up(positions, machine.columns)
    together = weights_commands(chunks * key_beats(heads))
    high = (room > machine.rows) & (machine.tiles > 1)
    apart = high & ~reduces(machine, room, positions, or_equal=True)
    if not np.any(apart):
        return 1.0, together
    products: Number = 1.0
    each = chunks
    loads = _key_loads_apart(heads, chunks)
    # A product comes after its weights: their loads must find room in queue and weight buffer.
    for _ in range(12):
        beats = each * room * machine.tile_row_beats / loads
        many = apart & (np.maximum(loads - machine.queue_depth, 0) * beats > machine.weight_buffer_beats)
        if not np.any(many):
            break
        size = up(up(chunks, 2 * products), machine.tiles) * machine.tiles
        products = np.where(many, up(chunks, size), products)
        each = np.where(many, np.minimum(size, chunks), each)
        loads = _key_loads_apart(heads, each)
    whole = np.floor(chunks / each)
    total = whole * loads + np.where(whole < products, _key_loads_apart(heads, chunks - whole * each), 0.0)
    return products, np.where(apart, total, together)


def key_beats(heads: Heads) -> Number:
    """Return the beats of a chunk of a head's keys."""
    machine, room = heads.machine, heads.key_room
    beats = room * machine.tile_row_beats
    if machine.grouped:
        beats = beats + machine.block_groups(room) * machine.scale_beats(machine.columns)
    return beats


def _key_loads_apart(heads: Heads, chunks: Number) -> Number:
    """Return the number of loads of chunks of keys whose rows, of several blocks, lie apart.

    Between two blocks side by side, the last rows of one and the first of the next follow one another.
    """
    machine = heads.machine
    tops = up(heads.key_room, machine.rows)
    beside = up(chunks, machine.tiles)
    single = chunks - (beside - 1) * machine.tiles == 1
    several = 4 + (beside - 2) * (2 + (tops > 2)) + beside - 1 - 2 * single
    return np.where(beside > 1, several, 1.0)


def value_commands(heads: Heads, positions: Number, context: int) -> Number:
    """Return the number of loads of so many positions of the values of heads side by side."""
    machine, chunks = heads.machine, heads.value_chunks
    # Where all positions are read, the last rows of a chunk and the first of the next follow one another.
    whole = np.asarray(positions) == context
    rest = positions - np.floor(positions / machine.rows) * machine.rows
    several = positions > machine.rows
    # Fewer scales than a tile has leave a gap before the last rows.
    gap: Any = False
    if machine.grouped:
        gap = (machine.group_rows > 0) & several & (rest > 0) & (machine.block_groups(rest) < machine.groups)
    loads = _chunk_loads(heads, positions, whole, gap)
    if np.all(chunks == 1) or np.all(machine.tiles == 1):
        return loads
    below = up(positions, machine.all_rows) * chunks
    beside = up(positions, machine.rows) * up(chunks, machine.tiles)
    apart = (machine.tiles > 1) & (below > beside) & several
    return np.where(apart, _value_loads_apart(heads, positions, whole, gap), loads) if np.any(apart) else loads


def _chunk_loads(heads: Heads, positions: Number, whole: Any, gap: Any) -> Number:
    """Return the number of loads of values that are read chunk by chunk."""
    machine, chunks = heads.machine, heads.value_chunks
    beats = positions * machine.row_beats(heads.value_columns)
    pieces = np.where(whole, weights_commands(chunks * beats), 1 + chunks * (weights_commands(beats) - 1))
    return np.where(gap, np.where(whole, 1 + np.minimum(chunks, 2), 2 * chunks), pieces)


def _value_loads_apart(heads: Heads, positions: Number, whole: Any, gap: Any) -> Number:
    """Return the number of loads of values of which several chunks are read block by block."""
    machine, chunks = heads.machine, heads.value_chunks
    tops = up(positions, machine.rows)
    last = 1.0 + (tops * machine.rows > positions)
    beside = up(chunks, machine.tiles)
    single = chunks - (beside - 1) * machine.tiles == 1
    # Blocks of a group of chunks are planes, but for the last ones with fewer rows.
    each = (beside - single) * last + single * (1 + gap)
    # Between two groups the last block of one and the first of the next are one run, and those beside them apart.
    inner = (tops > 2) * 1.0
    joined = 1 + 2 * (beside - 1) + (beside - 2) * (1 + inner)
    joined = joined + np.where(single, gap * 1.0, 1 + np.where(last > 1, inner + 1, 1.0))
    return np.where(whole & (beside > 1), joined, each)
