"""Layout of constant weights in memory, in the order in which the array's products take them."""

from collections.abc import Iterator

import numpy as np

from tilewright.sim.config import CIMArrayConfig, TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.commands import Weights
from tilewright.sim.isa.widths import MAX_COUNT
from tilewright.sim.machine.cim.array import block_limits, parts
from tilewright.sim.machine.cim.matmul import ArrayMatmul

from .mapping import Split


def blocks(config: CIMArrayConfig, k: int, n: int, reduce: bool) -> int:
    """Return the number of weight blocks of a product with (k, n) weights."""
    high, wide = block_limits(config, reduce)
    return divide_up(k, high) * divide_up(n, wide)


def reduces(config: CIMArrayConfig, k: int, n: int, split: Split = Split.COLUMNS) -> bool:
    """Return whether blocks of (k, n) constants should be as high as all tiles, because fewer blocks are then needed,
    or as many and the rule prefers it."""
    high, wide = blocks(config, k, n, True), blocks(config, k, n, False)
    return config.tiles > 1 and (high < wide or (high == wide and split is Split.SUMS))


def product_columns(tile: TileConfig, n: int) -> int:
    """Return the columns of a product that computes ``n`` columns: whole beats of results."""
    return divide_up(n, tile.results_per_beat) * tile.results_per_beat


def unit_scale(tile: TileConfig) -> int:
    """Return the scale that leaves a group unchanged."""
    return int(tile.scales.encode(1)) if tile.scales else 1


def constant_words(
    config: CIMArrayConfig, codes: np.ndarray, scales: np.ndarray | None, reduce: bool, narrow: bool = False
) -> np.ndarray:
    """Return the bytes of (k, n) weights as products with all of them, or with columns of whole blocks, take them.

    Weights are codes, as they are stored. Columns are filled up with zeros to those of a product; a tile with group
    scales gets those that change nothing where none are given.
    """
    tile = config.tile
    k, n = codes.shape
    padding = ((0, 0), (0, product_columns(tile, n) - n))
    padded = np.pad(codes.astype(np.int64), padding)
    if tile.group_rows:
        unit = unit_scale(tile)
        units = np.full((divide_up(k, tile.group_rows), n), unit, np.int64)
        scales = np.pad(units if scales is None else scales.astype(np.int64), padding, constant_values=unit)
    return ArrayMatmul(config, 1, k, padded.shape[1], reduce, narrow).weight_words(padded, scales).ravel()


def constant_bytes(config: CIMArrayConfig, k: int, n: int, reduce: bool, narrow: bool = False) -> int:
    """Return the length of :func:`constant_words` of (k, n) weights."""
    tile = config.tile
    high, wide = block_limits(config, reduce)
    beats = sum(
        down * across * tile.block_beats(*part.shape, narrow)
        for rows, down in _sizes(k, high)
        for columns, across in _sizes(product_columns(tile, n), wide)
        for part in parts(config, rows, columns, reduce)
    )
    return beats * tile.weight_bus_bits // 8


def _sizes(total: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield the sizes of pieces of at most ``most``, each with the number of such pieces."""
    if total >= most:
        yield most, total // most
    if total % most:
        yield total % most, 1


def weights_commands(config: AcceleratorConfig, runs: list[tuple[int, int]]) -> Iterator[Weights]:
    """Yield commands that read runs of bytes, given as address and length, in their order."""
    joined: list[list[int]] = []
    for address, length in runs:
        if joined and sum(joined[-1]) == address:
            joined[-1][1] += length
        else:
            joined.append([address, length])
    rows = [
        [address, length // config.bus_bytes, 1, 0]
        for each in joined
        for address, length in _pieces(config, *each)
    ]  # fmt: skip
    for address, (beats, count, stride), planes, plane_stride in _progressions(
        [(address, (beats, count, stride)) for address, (beats,), count, stride in _progressions(
            [(address, (beats,)) for address, beats, _, _ in rows]
        )]
    ):  # fmt: skip
        yield Weights(address=address, beats=beats, rows=count, stride=stride, planes=planes, plane_stride=plane_stride)


def _pieces(config: AcceleratorConfig, address: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield a run in pieces that a command can count."""
    most = MAX_COUNT * config.bus_bytes
    if length > most:
        # A power of two leaves pieces of equal length.
        most = 1 << (most.bit_length() - 1)
    for start in range(0, length, most):
        yield address + start, min(most, length - start)


def _progressions(items: list[tuple[int, tuple]]) -> Iterator[tuple[int, tuple, int, int]]:
    """Yield equal items at equal distances as one: address, item, count, distance."""
    place = 0
    while place < len(items):
        address, item = items[place]
        count, distance = 1, 0
        while place + count < len(items) and count < MAX_COUNT:
            next_address, other = items[place + count]
            step = next_address - items[place + count - 1][0]
            if other != item or step < 0 or step >= 1 << 32 or (count > 1 and step != distance):
                break
            distance = step
            count += 1
        yield address, item, count, distance
        place += count
