"""Weights as integers with scales."""

import numpy as np
import pytest

from tilewright.mapping.precision.quantisation import joined, quantise_weights
from tilewright.sim.formats import BF16, E2M1, MXFP4, stored, stored_format
from tilewright.sim.graph.precision import Precision


@pytest.mark.parametrize("group", [0, 8, 16])
@pytest.mark.parametrize("bits", [4, 8])
def test_weights_are_within_half_a_step(bits, group):
    weights = np.random.default_rng(1).standard_normal((40, 6)) * np.array([1, 2, 0.1, 1e-3, 50, 0])
    done = quantise_weights(weights, Precision(weights=stored_format(f"int{bits}"), group=group))
    largest = 2 ** (bits - 1) - 1
    assert (BF16.decode(BF16.encode(done.columns)) == done.columns).all()
    assert np.abs(done.codes.astype(int)).max() <= largest + 1
    size = group or 40
    for first in range(0, 40, size):
        for n in range(6):
            block = weights[first : first + size, n]
            step = done.columns[n] * (1 if done.groups is None else done.groups[first // size, n])
            # A scale of 8 bits, and BF16's, may miss the best one.
            assert step <= np.abs(block).max() / largest * (1 + 2**-8) + done.columns[n] * (group > 0) / 2 + (n == 5)
            error = np.abs(done.codes[first : first + size, n] * step - block)
            assert (error <= step / 2 * (1 + 1e-9) + np.abs(block) / 40).all()
            assert (
                np.abs(done.values[first : first + size, n] - done.codes[first : first + size, n] * step) == 0
            ).all()


def test_e2m1_comes_to_the_nearest_number_of_a_column():
    weights = np.random.default_rng(1).standard_normal((40, 6)) * np.array([1, 2, 0.1, 1e-3, 50, 0])
    done = quantise_weights(weights, Precision(weights=stored.FP4_E2M1))
    assert done.groups is None
    numbers = weights / done.columns / 2
    nearest = E2M1.encode(numbers, saturate=True)
    # A zero has one code, whatever its sign.
    assert (done.codes == np.where(nearest == E2M1.encode(-0.0), 0, nearest)).all()
    assert np.abs(numbers[:, :5]).max(axis=0) == pytest.approx(6, rel=2**-8)
    assert (done.values == E2M1.decode(done.codes) * 2 * done.columns).all()


@pytest.mark.parametrize(("k", "spread"), [(96, 0), (70, 3)])
def test_blocks_of_32_are_mxfp4(k, spread):
    rng = np.random.default_rng(2)
    weights = rng.standard_normal((k, 5)) * np.repeat(2.0 ** rng.integers(-spread, 1, (3, 5)), 32, axis=0)[:k]
    precision = Precision(weights=stored.FP4_E2M1, group=32, group_scale=stored.SHIFT_E8M0, max_shift=7)
    done = quantise_weights(weights, precision)
    padded = np.pad(weights, ((0, -k % 32), (0, 0)))
    assert (done.values == MXFP4.decode(MXFP4.encode(padded.T)).T[:k]).all()
    assert done.groups.shape == (3, 5)
    assert done.groups.max() <= 7


def test_no_sum_of_blocks_can_wrap():
    weights = np.full((8192, 2), 6.0)
    weights[:32] = [2.0**-14, 1.0]
    precision = Precision(weights=stored.FP4_E2M1, group=32, group_scale=stored.SHIFT_E8M0, max_shift=15)
    done = quantise_weights(weights, precision)
    numbers = np.abs(done.values / done.columns)
    assert 2**30 < 128 * numbers.sum(axis=0).max() < 2**31
    # What lies below the window, seven powers of two, becomes zero.
    assert not done.values[:32, 0].any()
    weights[:32, 0] = 0
    assert (done.values == weights).all()


def test_groups_are_nearer_than_columns():
    weights = np.random.default_rng(1).standard_normal((256, 16)) * np.repeat([1.0, 0.1, 3.0, 0.5], 64)[:, None]
    errors = [
        np.square(quantise_weights(weights, Precision(weights=stored.INT4, group=g)).values - weights).sum()
        for g in (0, 64, 32)
    ]
    assert errors[0] > 2 * errors[1]
    assert errors[1] > errors[2]


def test_scales_of_columns_are_numbers_of_their_format():
    weights = np.random.default_rng(1).standard_normal((40, 6))
    for column_scale in (stored.BF16, stored.FP32):
        done = quantise_weights(weights, Precision(column_scale=column_scale))
        kept = column_scale.to_fp32(done.constants("w")["w.columns"])
        assert (kept == done.columns).all()
        wanted = np.abs(weights).max(axis=0) / 127
        assert done.columns == pytest.approx(wanted, rel=2.0**-column_scale.format.significand_bits)
        assert (done.columns == wanted.astype(np.float32)).all() == (column_scale == stored.FP32)


@pytest.mark.parametrize(
    "precision",
    [
        Precision(),
        Precision(weights=stored.INT4, group=16),
        Precision(weights=stored.FP4_E2M1, group=32, group_scale=stored.SHIFT_E8M0, max_shift=7),
    ],
    ids=["int8", "int4", "mxfp4"],
)
def test_blocks_of_columns_beside_each_other_are_the_whole(precision):
    weights = np.random.default_rng(3).standard_normal((64, 10)) * np.exp(np.arange(10))
    whole = quantise_weights(weights, precision)
    parts = joined([quantise_weights(weights[:, first : first + 4], precision) for first in (0, 4, 8)])
    assert (parts.values == whole.values).all()
    for name, each in whole.constants("w").items():
        assert each.dtype == parts.constants("w")[name].dtype
        assert (each == parts.constants("w")[name]).all()
