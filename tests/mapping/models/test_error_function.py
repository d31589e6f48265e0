"""The error function of arrays equals that of the C library."""

import math

import numpy as np

from tilewright.mapping.models.error_function import CHUNK, erf


def test_it_equals_the_library_function():
    values = np.concatenate([np.linspace(-7, 7, 2 * CHUNK + 5), [0.0, -0.0, 1e-300, 30.0, -30.0]])
    wanted = np.array([math.erf(value) for value in values])
    assert np.abs(erf(values) - wanted).max() < 1e-15
    assert np.signbit(erf(np.array([-0.0])))[0]


def test_shapes_stay():
    assert erf(np.ones((2, 3, 4)).transpose(1, 0, 2)).shape == (3, 2, 4)
