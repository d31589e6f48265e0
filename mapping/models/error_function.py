"""The error function of whole arrays, in float64."""

import math

import numpy as np

STEP = 2.0**-12
"""Distance between two entries of the table."""
LAST = 6.0
"""Number from which on the error function is 1 in float64."""
CHUNK = 1 << 14
"""Numbers that are computed at a time, so that what they need stays in the cache."""
_POINTS = np.arange(round(LAST / STEP) + 1) * STEP
_VALUES = np.array([math.erf(x) for x in _POINTS])
_SLOPES = 2 / math.sqrt(math.pi) * np.exp(-_POINTS * _POINTS)


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function of each number, within 1e-15: Taylor's series about the nearest entry of a table.

    ``math.erf`` takes one number at a time, which is several times slower.
    """
    flat = np.ascontiguousarray(x, dtype=np.float64).reshape(-1)
    found = np.empty_like(flat)
    for start in range(0, flat.size, CHUNK):
        part = flat[start : start + CHUNK]
        magnitude = np.minimum(np.abs(part), LAST)
        index = (magnitude * (1 / STEP) + 0.5).astype(np.int64)
        near = index * STEP
        d = magnitude - near
        # The derivatives of erf are its slope times Hermite's polynomials.
        series = 1 + d * (d * (2 * near * near - 1) / 3 - near)
        np.copysign(_VALUES.take(index) + _SLOPES.take(index) * d * series, part, out=found[start : start + CHUNK])
    return found.reshape(x.shape)
