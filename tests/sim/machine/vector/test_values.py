"""Passes of the vector unit against float64: how exact the operators are that they make up, and the order of sums."""

import numpy as np
import pytest

from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce
from tilewright.sim.machine.vector.unit import pass_cycles
from tilewright.sim.machine.vector.values import rotated, run_pass, sums

LANES = 16
MAX_ERROR = {"softmax": 8.0e-7, "layer_norm": 5.2e-7, "rms_norm": 2.6e-7}
"""Largest errors against float64 that were measured here; of norms of standard normal rows, relative to 1 + |y|."""


def softmax(x: np.ndarray) -> np.ndarray:
    """Return the softmax of each row in three passes."""
    least = run_pass(PassOptions(reduce=Reduce.MAXIMUM, scale=-1.0), x, lanes=LANES)
    options = PassOptions(function=Function.EXP, reduce=Reduce.SUM, inverse=Inverse.RECIPROCAL)
    powers = run_pass(options, x, lanes=LANES, add=least.linear)
    return run_pass(PassOptions(), powers.y, lanes=LANES, multiply=powers.inverse).y


def layer_norm(x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return each row less its mean, over its standard deviation, in three passes."""
    n = x.shape[1]
    mean = run_pass(PassOptions(reduce=Reduce.SUM, scale=-1 / n), x, lanes=LANES)
    options = PassOptions(square=True, reduce=Reduce.SUM, scale=1 / n, offset=epsilon, inverse=Inverse.RSQRT)
    square = run_pass(options, x, lanes=LANES, add=mean.linear)
    return run_pass(PassOptions(), x, lanes=LANES, add=mean.linear, multiply=square.inverse).y


def rms_norm(x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return each row over the root of its mean square, in two passes."""
    options = PassOptions(square=True, reduce=Reduce.SUM, scale=1 / x.shape[1], offset=epsilon, inverse=Inverse.RSQRT)
    square = run_pass(options, x, lanes=LANES)
    return run_pass(PassOptions(), x, lanes=LANES, multiply=square.inverse).y


@pytest.mark.parametrize("columns", [1, 2, 17, 384, 4096])
def test_operators_are_as_exact_as_said(columns):
    rng = np.random.default_rng(columns)
    x = (rng.standard_normal((200, columns)) * 4).astype(np.float32)
    exact = x.astype(np.float64)
    powers = np.exp(exact - exact.max(axis=1, keepdims=True))
    error = np.abs(softmax(x) - powers / powers.sum(axis=1, keepdims=True)).max()
    assert error <= MAX_ERROR["softmax"], error

    rows = exact - exact.mean(axis=1, keepdims=True)
    normed = rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-5)
    error = (np.abs(layer_norm(x, 1e-5) - normed) / (1 + np.abs(normed))).max()
    assert error <= MAX_ERROR["layer_norm"], error

    normed = exact / np.sqrt((exact**2).mean(axis=1, keepdims=True) + 1e-5)
    error = (np.abs(rms_norm(x, 1e-5) - normed) / (1 + np.abs(normed))).max()
    assert error <= MAX_ERROR["rms_norm"], error


def test_causal_rows_sum_to_one_and_are_zero_behind():
    x = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    causal = {"causal": True, "mask_base": 0}
    least = run_pass(PassOptions(reduce=Reduce.MAXIMUM, scale=-1.0, **causal), x, lanes=LANES)
    options = PassOptions(function=Function.EXP, reduce=Reduce.SUM, inverse=Inverse.RECIPROCAL, **causal)
    powers = run_pass(options, x, lanes=LANES, add=least.linear)
    y = run_pass(PassOptions(**causal), powers.y, lanes=LANES, multiply=powers.inverse).y
    assert np.allclose(y.sum(axis=1), 1, atol=1e-6)
    assert not np.triu(y, 1).any()


def test_a_sum_is_that_of_an_adder_tree_and_five_partial_sums():
    y = np.random.default_rng(1).standard_normal((1, 16)).astype(np.float32)
    [steps] = y.reshape(1, 8, 2)
    pairs = [a + b for a, b in steps]
    p = [np.float32(0) + pair for pair in pairs[:5]]
    p = [pairs[5] + p[0], pairs[6] + p[1], pairs[7] + p[2], p[3], p[4]]
    oldest = [p[3], p[4], p[0], p[1], p[2]]
    expected = ((oldest[0] + oldest[1]) + (oldest[2] + oldest[3])) + oldest[4]
    assert sums(y, 2)[0] == expected


def test_rotation_is_that_of_half_the_block():
    x = np.arange(8, dtype=np.float32)[None]
    assert rotated(x, 2).tolist() == [[-2, -3, 0, 1, -6, -7, 4, 5]]


def test_cycles_are_a_step_each_and_a_fixed_rest():
    config = VectorConfig(lanes=16)
    assert pass_cycles(config, 10, 160) - pass_cycles(config, 9, 160) == 10
    assert pass_cycles(config, 1, 161) - pass_cycles(config, 1, 160) == 1
    # A row that is reduced waits for five partial sums.
    short = {"reduce": Reduce.SUM, "inverse": True}
    assert pass_cycles(config, 10, 16, **short) - pass_cycles(config, 9, 16, **short) == 5
    assert pass_cycles(config, 1, 1) == 3 + 1 + config.latency_cycles
