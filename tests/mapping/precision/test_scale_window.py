import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.precision.scale_window import fit_scales
from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.formats import E2M1, MXFP4, Blocks
from tilewright.sim.machine.cim import values as tile_values
from tilewright.sim.machine.cim.matmul import ArrayMatmul

RNG = np.random.default_rng(3)


def values(scaled) -> np.ndarray:
    factors = np.repeat(2.0 ** (scaled.shifts + scaled.exponents), 32, axis=0)
    return E2M1.decode(scaled.codes) * factors


def matrix(k: int, n: int, spread: int) -> np.ndarray:
    """Blocks of 32 rows whose magnitudes differ by up to ``2**spread``."""
    return RNG.standard_normal((k, n)) * np.repeat(2.0 ** RNG.integers(-spread, 1, (k // 32, n)), 32, axis=0)


def test_within_the_window_it_is_exact():
    blocks = MXFP4.encode(matrix(128, 10, 3).T)
    scaled = fit_scales(MXFP4, blocks, 15)
    assert (values(scaled) == MXFP4.decode(blocks).T).all()
    assert scaled.shifts.min() == 0
    assert scaled.shifts.max() <= 15


def test_below_the_window_it_is_rounded():
    blocks = MXFP4.encode(matrix(256, 10, 20).T)
    scaled = fit_scales(MXFP4, blocks, 7)
    error = np.abs(values(scaled) - MXFP4.decode(blocks).T).max(axis=0)
    assert error.max() > 0
    assert (error <= 2.0 ** (scaled.exponents - 2)).all()
    assert scaled.shifts.max() == 7
    largest = blocks.scales.astype(int).max(axis=1) - 127
    assert (scaled.exponents == largest - 7).all()


def test_blocks_of_zeros_have_no_say():
    w = matrix(96, 3, 2)
    w[32:64, 0] = 0
    w[:, 1] = 0
    blocks = MXFP4.encode(w.T)
    scaled = fit_scales(MXFP4, blocks, 15)
    assert (values(scaled) == MXFP4.decode(blocks).T).all()
    assert not scaled.codes[:, 1].any()


def test_a_block_that_is_no_number_is_refused():
    blocks = MXFP4.encode(np.ones((1, 32)))
    with pytest.raises(ConfigError, match="NaN"):
        fit_scales(MXFP4, Blocks(np.full_like(blocks.scales, 255), blocks.elements), 15)


@pytest.mark.parametrize("reduce", [False, True])
def test_a_product_with_an_mxfp4_matrix_is_exact(reduce):
    macro = MacroConfig(rows=32, columns=8, weight_bits=4, weight_format="fp4_e2m1", input_bits=8)
    tile = TileConfig(macro=macro, group_scale="e8m0", group_rows=32, weight_bus_bits=32, accumulator_bits=64)
    config = CIMArrayConfig(tiles=3, tile=tile)
    blocks = MXFP4.encode(matrix(160, 20, 6).T)
    scaled = fit_scales(MXFP4, blocks, tile.max_shift)
    x = RNG.integers(-128, 128, (4, 160))
    product = ArrayMatmul(config, 4, 160, 20, reduce)
    vectors = tile_values.array_results(
        config, product.commands(), product.weight_words(scaled.codes, scaled.shifts), product.activation_words(x)
    )
    y = product.results(vectors) / 2 * 2.0**scaled.exponents
    # Exact in float64: all terms are small multiples of a power of two.
    assert (y == x @ MXFP4.decode(blocks).T.astype(float)).all()
