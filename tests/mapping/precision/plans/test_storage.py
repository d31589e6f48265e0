"""How weights may be stored: names, bits, numbers and scales."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.precision.plans.storage import parse_storage, parse_storages
from tilewright.sim.formats import BF16, E4M3

NAMES = (
    "int4/32",
    "int8/channel",
    "int3/tensor",
    "posit5_1/64",
    "fp4_e2m1/channel",
    "mxfp4",
    "nvfp4",
    "bf16",
    "posit16_1",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_for_the_storage_that_has_it(name):
    [storage] = parse_storage(name)
    assert storage.name == str(storage) == name


def test_a_format_alone_stands_for_every_granularity():
    names = [each.name for each in parse_storage("int4")]
    assert names == ["int4/tensor", "int4/channel", "int4/128", "int4/64", "int4/32"]
    assert parse_storages("int4/32, int4,bf16") == (
        *parse_storage("int4/32"),
        *parse_storage("int4")[:4],
        *parse_storage("bf16"),
    )


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("int4/tensor", 4 * 640 + 16),
        ("int4/channel", 4 * 640 + 8 * 16),
        # 80 inputs are two groups of 32 and a part of one.
        ("int4/32", 4 * 640 + 8 * 16 + 8 * 3 * 8),
        ("mxfp4", 4 * 640 + 8 * 3 * 8),
        ("nvfp4", 4 * 640 + 8 * 5 * 8 + 32),
        ("bf16", 16 * 640),
    ],
)
def test_bits_count_every_scale(name, bits):
    assert parse_storage(name)[0].bits(8, 80) == bits


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("int99", "int99"),
        ("inr4", "did you mean"),
        ("int4/row", "tensor, channel or 2 to 9999"),
        ("int4/1", "2 to 9999"),
        ("mxfp4/32", "blocks of 32"),
        ("bf16/channel", "no scale"),
        (",", "there must be a format"),
    ],
)
def test_what_is_no_storage_is_refused(name, says):
    with pytest.raises(ConfigError, match="formats") as refused:
        parse_storages(name)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "name", ["int2", "int5", "fp4_e2m1", "fp6_e3m2", "fp8_e4m3", "posit4_1", "posit5_1", "posit8_0", "posit8_2"]
)
def test_the_nearest_number_is_the_nearest_one(name):
    storage = parse_storage(name)[1]
    values = np.random.default_rng(1).standard_normal(2000) * 3
    wanted = np.abs(storage.numbers[None] - values[:, None]).min(axis=1)
    found = storage.nearest(values)
    assert set(found) <= set(storage.numbers)
    np.testing.assert_allclose(np.abs(found - values), wanted, rtol=0, atol=1e-12)
    # Beyond the ends there is no nearer one than the last.
    assert storage.nearest(np.array([1e9, -1e9])).tolist() == [storage.numbers[-1], storage.numbers[0]]


def test_scales_are_numbers_that_can_be_stored():
    wanted = np.random.default_rng(1).uniform(0.01, 1, (6, 5))
    [groups] = parse_storage("int4/32")
    grid = groups.scale_grid(wanted)
    factors = grid.nearest(wanted) / grid.shared
    assert (factors == np.rint(factors)).all()
    assert factors.min() >= 1
    assert factors.max() <= 255
    assert (BF16.decode(BF16.encode(grid.shared)) == grid.shared).all()
    [blocks] = parse_storage("mxfp4")
    powers = np.log2(blocks.scale_grid(wanted).nearest(wanted))
    assert (powers == np.rint(powers)).all()
    [nvfp4] = parse_storage("nvfp4")
    grid = nvfp4.scale_grid(wanted)
    scales = grid.nearest(wanted) / grid.shared
    assert (E4M3.decode(E4M3.encode(scales)) == scales).all()
    [tensor] = parse_storage("int4/tensor")
    assert len(np.unique(tensor.scale_grid(wanted[:, :1]).nearest(wanted[:, :1]))) == 1
