import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.machine.cim import values as tile_values
from tilewright.sim.machine.cim.matmul import ArrayMatmul, TiledMatmul

TILES = [
    TileConfig(macro=MacroConfig(rows=8, columns=16, weight_bits=4, input_bits=8), accumulator_vectors=3),
    TileConfig(
        macro=MacroConfig(rows=8, columns=8, weight_bits=8, input_bits=4),
        grid_rows=2, grid_columns=2, activation_bus_bits=16, accumulator_vectors=5,
    ),
]  # fmt: skip


@given(st.sampled_from(TILES), st.integers(1, 12), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_a_cut_product_is_the_product(config, m, k, n, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-(1 << config.macro.input_bits - 1), 1 << config.macro.input_bits - 1, (m, k))
    w = rng.integers(-(1 << config.macro.weight_bits - 1), 1 << config.macro.weight_bits - 1, (k, n))
    tiled = TiledMatmul(config, m, k, n)
    commands = tiled.commands()
    vectors = tile_values.results(config, commands, tiled.weight_words(w), tiled.activation_words(x))
    assert (tiled.results(vectors) == x @ w).all()


SCALED = TileConfig(
    macro=MacroConfig(rows=32, columns=8, weight_bits=4, input_bits=4),
    grid_rows=2, group_scale="uint8", group_rows=32, weight_bus_bits=32, accumulator_vectors=3,
)  # fmt: skip


@given(
    st.sampled_from([*TILES, SCALED]), st.integers(1, 4), st.booleans(), st.integers(1, 9), st.integers(1, 200),
    st.integers(1, 40), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_product_cut_over_tiles_is_the_product(tile, tiles, reduce, m, k, n, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-(1 << tile.macro.input_bits - 1), 1 << tile.macro.input_bits - 1, (m, k))
    w = rng.integers(-(1 << tile.macro.weight_bits - 1), 1 << tile.macro.weight_bits - 1, (k, n))
    config = CIMArrayConfig(tiles=tiles, tile=tile)
    product = ArrayMatmul(config, m, k, n, reduce)
    scales, scaled = None, w
    if tile.group_rows:
        scales = rng.integers(0, 256, (-(-k // tile.group_rows), n))
        scaled = w * np.repeat(scales, tile.group_rows, axis=0)[:k]
    words = product.weight_words(w, scales), product.activation_words(x)
    vectors = tile_values.array_results(config, product.commands(), *words)
    assert (product.results(vectors) == x @ scaled).all()


def test_a_block_of_4096_rows_is_one_command():
    rng = np.random.default_rng(3)
    config = CIMArrayConfig(tiles=16, tile=TILES[0].replace(macro=TILES[0].macro.replace(rows=256)))
    x, w = rng.integers(-128, 128, (2, 4097)), rng.integers(-8, 8, (4097, 16))
    product = ArrayMatmul(config, *x.shape, w.shape[1], reduce=True)
    commands = product.commands()
    assert [command.rows for command in commands] == [4096, 1]
    vectors = tile_values.array_results(config, commands, product.weight_words(w), product.activation_words(x))
    assert (product.results(vectors) == x @ w).all()


def test_results_wrap_at_the_accumulators_width():
    config = TILES[0].replace(accumulator_bits=16, result_bus_bits=16)
    k = 4 * config.max_accumulated_rows
    x, w = np.full((1, k), 127), np.full((k, 1), 7)
    tiled = TiledMatmul(config, 1, k, 1)
    vectors = tile_values.results(config, tiled.commands(), tiled.weight_words(w), tiled.activation_words(x))
    exact = int((x @ w)[0, 0])
    assert int(tiled.results(vectors)[0, 0]) == (exact + 32768) % 65536 - 32768
