"""Elements for the NPE's epilogue, in an order, and their results from the exact model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.cocotb_tests.arith.vectors import Vectors, payload, to_bytes
from tilewright.cocotb_tests.npe.epilogue_harness import (
    NOTE_BITS,
    REDUCTIONS,
    REDUCTIONS_LAG,
    element_layout,
    result_layout,
    tag_layout,
)
from tilewright.hw.npe.epilogue import CONTROL_LAYOUT
from tilewright.sim.config.npe import EPILOGUE_LATENCY, REDUCTION_INTERVAL
from tilewright.sim.formats.simd import Mode, ResultFormat, SumFormat
from tilewright.sim.machine.npe.epilogue import epilogue

DRAIN = EPILOGUE_LATENCY + REDUCTIONS_LAG
"""Cycles without elements before the control word may change."""
REUSE = REDUCTIONS_LAG + 4
"""Cycles from the last element of a row to the first element of the next row in its place, so that no maximum is lost
unseen."""


@dataclass(frozen=True)
class Options:
    """A control word."""

    scale: bool = False
    bias: bool = False
    residual: Mode | None = None
    activation: int = 0
    out: ResultFormat = Mode.BF16

    @property
    def control(self) -> int:
        """Bits of the control word; the format of a residual that is off is any."""
        return int(
            payload(
                CONTROL_LAYOUT,
                scale=np.array(self.scale),
                bias=np.array(self.bias),
                residual=np.array(self.residual is not None),
                residual_format=np.array(self.out if self.residual is None else self.residual),
                activation=np.array(self.activation),
                out_format=np.array(self.out),
            )[0]
        )


@dataclass(frozen=True)
class Tile:
    """M x N elements under one control word: FP32 codes, and codes of the residual. What is off is there too.

    For results in INT32 the values are integers whose bit 30 is 0 in place of their sign.
    """

    options: Options
    value: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    residual: np.ndarray
    shuffled: bool = False
    """Rows take turns at random, each as soon as it may; else in their order, a column after the other."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.value.shape


def tile_vectors(
    tiles: Sequence[Tile], rng: np.random.Generator, *, rows: int, interval: int = REDUCTION_INTERVAL
) -> Vectors:
    """Return some tiles one after the other, rows ``interval`` cycles apart at least, with what comes out."""
    made = [_tile_words(tile, rng, rows, interval) for tile in tiles]
    bits_in, layout_out = element_layout(rows).size, result_layout(rows)
    stimuli = to_bytes(np.concatenate([words for words, _, _ in made]), bits_in)
    expected = to_bytes(np.concatenate([words for _, words, _ in made]), layout_out.size)
    ends = np.concatenate([elements for _, _, elements in made])
    starts = np.cumsum([0, *(len(words) for words, _, _ in made[:-1])])
    parts = [(name, field.width) for name, field in layout_out]
    return Vectors(stimuli, expected, ends, starts, parts)


def _tile_words(
    tile: Tile, rng: np.random.Generator, rows: int, interval: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the words of all cycles of a tile, those of its results, and which cycles have an element."""
    order = _order(tile, rng, rows, interval)
    elements = order >= 0
    # Without an element there is anything.
    index = np.where(elements, order, 0)
    count, columns = len(order), tile.shape[1]
    m, n = index // columns, index % columns
    # The rows of a block of C are in other places in each tile.
    places = rng.permutation(rows)
    # Reductions of integers have no meaning.
    row, final = places[m % rows], (n == columns - 1) & (tile.options.out is not SumFormat.INT32)
    tag = payload(tag_layout(rows), note=rng.integers(0, 1 << NOTE_BITS, count), row=row, final=final)

    def codes(field: np.ndarray, bits: int) -> np.ndarray:
        return np.where(elements, field.reshape(-1)[index], rng.integers(0, 1 << bits, count))

    first = np.where(elements, n == 0, rng.integers(0, 2, count))
    stimuli = payload(
        element_layout(rows),
        control=np.full(count, tile.options.control),
        value=codes(tile.value, 32),
        scale=codes(tile.scale, 32),
        bias=codes(tile.bias, 32),
        residual=codes(tile.residual, 16),
        row=row,
        first=first,
        tag=tag,
        last=elements,
    )
    done = modelled(tile)
    m, n, final = m[elements], n[elements], final[elements]
    reductions = {name: np.where(final, getattr(done, name).view(np.uint32)[m], 0) for name in REDUCTIONS}
    expected = payload(result_layout(rows), code=done.codes[m, n], tag=tag[elements], **reductions)
    return stimuli, expected, elements


def modelled(tile: Tile):
    """Return the exact model's results of a tile."""
    options = tile.options

    def floats(codes: np.ndarray) -> np.ndarray:
        return codes.astype(np.uint32).view(np.float32)

    residual = None
    if options.residual is not None:
        form = options.residual
        residual = form.format.decode(tile.residual & ((1 << form.bits) - 1)).astype(np.float32)
    if options.out is SumFormat.INT32:
        value = tile.value.astype(np.uint32)
        sums = (value | (value >> 1 & (1 << 30))).view(np.int32).astype(np.float64)
    else:
        with np.errstate(invalid="ignore"):  # signalling NaNs
            sums = floats(tile.value).astype(np.float64)
    return epilogue(
        sums,
        scale=floats(tile.scale) if options.scale else None,
        bias=floats(tile.bias) if options.bias else None,
        residual=residual,
        activation=options.activation,
        out_format=options.out,
    )


def _order(tile: Tile, rng: np.random.Generator, rows: int, interval: int) -> np.ndarray:
    """Return the element of each cycle, counted row by row, or -1."""
    m, n = tile.shape
    parts: list = []
    for first in range(0, m, rows):
        block = min(rows, m - first)
        if tile.shuffled:
            parts += [_shuffled(block, n, rng, interval) + [-1] * REUSE]
            parts[-1] = [first * n + element if element >= 0 else -1 for element in parts[-1]]
            continue
        period = max(block, interval)
        cycles = np.full((n, period), -1)
        cycles[:, :block] = (first + np.arange(block)) * n + np.arange(n)[:, None]
        parts += [cycles.reshape(-1), np.full(max(REUSE - period, 0), -1)]
    return np.concatenate([*parts, [-1] * DRAIN]).astype(np.int64)


def _shuffled(block: int, n: int, rng: np.random.Generator, interval: int) -> list[int]:
    """Return elements of some rows: in each cycle one of any row whose last one is long enough ago, or none."""
    done, allowed = [0] * block, [0] * block
    order: list[int] = []
    while left := [row for row in range(block) if done[row] < n]:
        ready = [row for row in left if allowed[row] <= len(order)]
        if ready:
            row = ready[int(rng.integers(len(ready)))]
            order.append(row * n + done[row])
            done[row] += 1
            allowed[row] = len(order) - 1 + interval
        else:
            order.append(-1)
    return order
