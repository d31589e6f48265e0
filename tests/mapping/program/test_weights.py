"""Weights as integers with scales."""

import numpy as np
import pytest

from tilewright.mapping.program.lowering import Arithmetic
from tilewright.mapping.program.weights import quantise_weights
from tilewright.sim.formats import BF16


@pytest.mark.parametrize("group", [0, 8, 16])
@pytest.mark.parametrize("bits", [4, 8])
def test_weights_are_within_half_a_step(bits, group):
    weights = np.random.default_rng(1).standard_normal((40, 6)) * np.array([1, 2, 0.1, 1e-3, 50, 0])
    done = quantise_weights(weights, Arithmetic(weights=f"int{bits}", group=group))
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


def test_groups_are_nearer_than_columns():
    weights = np.random.default_rng(1).standard_normal((256, 16)) * np.repeat([1.0, 0.1, 3.0, 0.5], 64)[:, None]
    errors = [
        np.square(quantise_weights(weights, Arithmetic(weights="int4", group=g)).values - weights).sum()
        for g in (0, 64, 32)
    ]
    assert errors[0] > 2 * errors[1]
    assert errors[1] > errors[2]
