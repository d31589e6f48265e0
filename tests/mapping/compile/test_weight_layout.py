"""Weights in memory in the order of products: constants, and what programs store."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator
from tilewright.mapping.compile.stored_weights import StoredWeights
from tilewright.mapping.compile.weight_layout import (
    constant_bytes,
    constant_words,
    product_columns,
    reduces,
    weights_commands,
)
from tilewright.sim.config import load_system
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Product, Weights
from tilewright.sim.machine.accelerator.values import AcceleratorValues

CONFIGS = [
    accelerator(),
    accelerator(tiles=1),
    accelerator(tiles=3, rows=32, columns=32, group_rows=32, grid_rows=2),
    accelerator(weight_bits=4, columns=32),
    accelerator(weight_bits=4, columns=32, rows=32, group_rows=32, tiles=2),
    accelerator(weight_bits=4, weight_format="fp4_e2m1", columns=32),
    accelerator(
        weight_bits=4, weight_format="fp4_e2m1", columns=32, rows=32, group_rows=32, group_scale="e8m0", tiles=2
    ),
]


def random_codes(config: AcceleratorConfig, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return weights as they are stored."""
    weights = config.cim.tile.macro.weights
    return weights.kept(rng.integers(0, 1 << weights.bits, shape))


def numbers(config: AcceleratorConfig, codes: np.ndarray) -> np.ndarray:
    """Return what stored weights count."""
    return config.cim.tile.macro.weights.decode(codes).astype(int)


def products(
    config: AcceleratorConfig, memory: np.ndarray, a: np.ndarray, n: int, reduce: bool, weights: list[Weights]
) -> np.ndarray:
    """Return a product on the accelerator."""
    run = AcceleratorValues(config, memory)
    vectors, k = a.shape
    pitch = -(-k // 64) * 64
    for row in range(vectors):
        run.scratchpad[row * pitch : row * pitch + k] = a[row].astype(np.int8).view(np.uint8)
    for command in weights:
        run.execute(command)
    out = config.bank_bytes
    run.execute(Product(reduce=reduce, vectors=vectors, k=k, n=n, a=0, a_pitch=pitch, out=out, out_pitch=4 * n))
    assert not len(run.weights)
    return run.scratchpad[out : out + 4 * n * vectors].view(np.int32).reshape(vectors, n)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("head", [8, 32, 40])
def test_products_with_what_is_stored(config, transposed, head):
    rng = np.random.default_rng(head)
    stored = StoredWeights(config, 64, 75, head, transposed)
    memory = rng.integers(0, 256, 1 << 16, dtype=np.uint8)
    values = random_codes(config, rng, (75, head))
    stored.prepare(memory)
    stored.write(memory, values)
    assert (stored.read(memory) == values).all()
    for positions in (1, 16, 33, 75):
        reduce, n, weights = stored.load(positions)
        matrix = values[:positions].T if transposed else values[:positions]
        a = rng.integers(-128, 128, (2, len(matrix)))
        got = products(config, memory, a, n, reduce, weights)
        assert (got[:, : matrix.shape[1]] == a @ numbers(config, matrix)).all()


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("transposed", [False, True])
def test_stores_put_rows_where_they_belong(config, transposed):
    rng = np.random.default_rng(7)
    # FP4 comes in the lowest byte of FP32.
    size = config.cim.tile.macro.weights.scratchpad_bytes
    stored = StoredWeights(config, 128, 75, 40, transposed)
    memory = np.zeros(1 << 16, np.uint8)
    stored.prepare(memory)
    run = AcceleratorValues(config, memory)
    expected = np.zeros((75, 40), config.cim.tile.macro.weights.dtype)
    for position, positions, first, elements in (
        (0, 5, 0, 40),
        (6, 1, 0, 40),
        (10, 33, 0, 40),
        (44, 31, 0, 40),
        (0, 75, 8, 24),
    ):
        values = random_codes(config, rng, (positions, elements))
        rows = rng.integers(0, 256, (positions, 64, size)).astype(np.uint8)
        rows[:, :elements, 0] = values.view(np.uint8)
        run.scratchpad[: rows.size] = rows.ravel()
        places = {"position": position, "positions": positions, "first": first, "elements": elements}
        for store in stored.store(0, 64 * size, size=size, **places):
            run.execute(store)
        expected[position : position + positions, first : first + elements] = values
        if (
            config.cim.tile.macro.weights.bits == 4
            and transposed
            and (position + positions) % 2
            and position + positions < 75
        ):
            expected[position + positions, first : first + elements] = 0
        assert (stored.read(memory) == expected).all()
    beyond = memory.copy()
    beyond[128 : 128 + stored.bytes] = 0
    assert not beyond.any()


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("k", "n"), [(16, 64), (70, 100), (200, 16), (5, 7)])
def test_constants_are_as_long_as_is_said(config, k, n):
    codes = random_codes(config, np.random.default_rng(k), (k, n))
    for reduce in (False, True):
        words = constant_words(config.cim, codes, None, reduce)
        assert len(words) == constant_bytes(config.cim, k, n, reduce)
    reduce = reduces(config.cim, k, n)
    padded = product_columns(config.cim.tile, n)
    a = np.random.default_rng(n).integers(-128, 128, (3, k))
    words = constant_words(config.cim, codes, None, reduce)
    got = products(config, words, a, padded, reduce, list(weights_commands(config, [(0, len(words))])))
    assert (got[:, :n] == a @ numbers(config, codes)).all()
    assert not got[:, n:].any()


@pytest.mark.parametrize(("n", "beats"), [(896, 7), (960, 8), (64, 1), (256, 2), (257, 3)])
def test_constants_take_no_more_beats_than_their_columns_fill(n, beats):
    config = load_system("edge-int4").accelerator
    for reduce in (False, True):
        assert constant_bytes(config.cim, 1024, n, reduce) == 1024 * beats * config.bus_bytes


def test_rows_of_values_take_no_more_beats_than_their_elements_fill():
    config = load_system("edge-int4").accelerator
    for head, beats in ((64, 1), (96, 1), (128, 1), (256, 2), (288, 4)):
        assert StoredWeights(config, 0, 1000, head, False).bytes == 1000 * beats * config.bus_bytes


@pytest.mark.parametrize("config", [accelerator(tiles=1), accelerator(tiles=1, weight_bits=4, columns=32), CONFIGS[-2]])
def test_codes_reach_memory_as_they_are(config):
    tile = config.cim.tile
    codes = random_codes(config, np.random.default_rng(3), (tile.rows, tile.columns))
    words = constant_words(config.cim.model_copy(update={"tiles": 1}), codes, None, False)
    low_first = np.unpackbits(words, bitorder="little").reshape(tile.rows, tile.columns, tile.macro.weights.bits)
    assert (tile.macro.weights.kept(np.packbits(low_first, axis=-1, bitorder="little")[..., 0]) == codes).all()


def test_runs_of_bytes_become_few_commands():
    config = accelerator()

    def shape(runs: list) -> list[tuple[int, ...]]:
        return [
            (c.address, c.beats, c.rows, c.stride, c.planes, c.plane_stride) for c in weights_commands(config, runs)
        ]

    assert shape([(0, 32), (32, 64)]) == [(0, 6, 1, 0, 1, 0)]
    assert shape([(0, 32), (100 * 16, 32), (200 * 16, 32), (16, 16)]) == [(0, 2, 3, 1600, 1, 0), (16, 1, 1, 0, 1, 0)]
    blocks = [(plane * 4096 + row * 256, 64) for plane in range(3) for row in range(4)]
    assert shape(blocks) == [(0, 4, 4, 256, 3, 4096)]
    # More beats than a row can have.
    long = shape([(0, 16 * 200_000)])
    assert [beats * rows for _, beats, rows, _, _, _ in long] == [131072 + 65536, 200_000 - 131072 - 65536]
    assert shape([(64, 32), (0, 32)]) == [(64, 2, 1, 0, 1, 0), (0, 2, 1, 0, 1, 0)]
