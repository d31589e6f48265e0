import numpy as np
import pytest

from tilewright.sim.config import TileConfig
from tilewright.sim.machine.cim.weights import pack_block, unpack_block


def tile(weight_bits: int, weight_format: str, group_scale: str, group_rows: int) -> TileConfig:
    macro = {"rows": 16, "columns": 16, "weight_bits": weight_bits, "weight_format": weight_format, "input_bits": 8}
    return TileConfig.model_validate(
        {"macro": macro, "grid_rows": 4, "group_scale": group_scale, "group_rows": group_rows, "max_shift": 7}
    )


@pytest.mark.parametrize("weights", [(4, "int"), (8, "int"), (4, "fp4_e2m1")])
@pytest.mark.parametrize("scales", [("none", 0), ("uint8", 32), ("e8m0", 64), ("uint8", 128)])
@pytest.mark.parametrize(("rows", "columns"), [(64, 16), (33, 5), (1, 1)])
def test_a_block_is_what_was_packed(weights, scales, rows, columns):
    config = tile(*weights, *scales)
    rng = np.random.default_rng(rows)
    w = rng.choice(config.macro.weights.counts, (rows, columns))
    groups = config.block_groups(rows)
    assert groups == (-(-rows // scales[1]) if scales[1] else 0)
    s = rng.integers(0, 1 << config.scale_bits, (groups, columns)) if groups else None
    words = pack_block(config, config.macro.weights.encode(w), s)
    assert words.shape == (config.block_beats(rows, columns), config.weight_bus_bits // 8)
    got, factors = unpack_block(config, words, rows, columns)
    assert (got == w).all()
    for row in range(rows):
        expected = 1 if s is None else s[row // scales[1]] if scales[0] == "uint8" else 2 ** s[row // scales[1]]
        assert (factors[row] == expected).all()


def test_only_the_low_bits_of_a_shift_count():
    config = tile(4, "fp4_e2m1", "e8m0", 32)
    words = pack_block(config, np.ones((1, 1), int), np.array([[0xFB]]))
    _, factors = unpack_block(config, words, 1, 1)
    assert factors == 2 ** (0xFB & 7)
