"""Sums of posit weights times FP8 activations in several ways, where their results are known."""

import numpy as np
import pytest

from benchmarks.arithmetic_cost import TABLE
from benchmarks.mixed_accuracy import block_floating, exact_fp16, exact_fp32, rounded_fp16, table
from tilewright.sim.formats import E4M3, FP16, Posit

P5 = Posit(5, 1)


def sums(way, weights, activations):
    """Return the sums of dot products of some values."""
    return way(P5, P5.encode(np.atleast_2d(weights)), E4M3.encode(np.atleast_2d(activations))).tolist()


def test_what_is_small_is_lost_beside_what_is_large():
    """2 ** 14 + 2 ** -6 - 2 ** 14: an exact sum keeps the middle one."""
    for way, expected in ((exact_fp32, 2**-6), (exact_fp16, 2**-6), (rounded_fp16, 0), (block_floating, 0)):
        assert sums(way, [64, 2**-6, -64], [256, 1, 256]) == [expected]


def test_ties_of_a_block_go_to_the_even_one():
    """The sum is counted in 2 ** -6 after a product of 1: of 2 ** -7 and 3 * 2 ** -7 one is rounded down, one up."""
    for small, added in ((2**-7, 0), (3 * 2**-7, 2**-5)):
        assert sums(block_floating, [1, 0.25], [1, 4 * small]) == [1 + added]


def test_a_block_with_one_exponent_is_exact():
    rng = np.random.default_rng(1)
    activations = rng.integers(8, 16, (50, 100)) / 8
    signs = rng.choice([-1, 1], activations.shape)
    total = FP16.decode(FP16.encode((activations * signs).sum(axis=1))).tolist()
    assert sums(block_floating, signs, activations) == total
    # Sums of 16 bits grow by doubling their unit.
    assert sums(block_floating, np.ones(1024), np.full(1024, 1.5)) == [1536]


@pytest.mark.slow
def test_the_page_has_the_table():
    assert table() in TABLE.read_text()
