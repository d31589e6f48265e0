"""Sums and products of float64 numbers without loss, in one rounding that can be rounded again.

A float64 that is *rounded to odd* is the exact result if that fits, otherwise the neighbour of it with an odd last
bit. Rounding it again, to any format of at most 51 significand bits, gives what rounding the exact result would:
the odd last bit says "a little more than this", so that no tie appears or disappears (Boldo and Melquiond, "Emulation
of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE Trans. Computers 57(4), 2008).
"""

import numpy as np

# Dekker's constant for 53 bits: splits a float64 into two halves of at most 26 bits.
SPLITTER = 2.0**27 + 1


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a + b rounded to odd; NaN, infinities and the signs of zeros as IEEE 754 in round-to-nearest.

    Magnitudes below 2**1023.
    """
    with np.errstate(invalid="ignore"):
        total = np.asarray(a + b)
        # Knuth's two-sum: the error of a float64 sum is a float64.
        rest = total - a
        error = (a - (total - rest)) + (b - rest)
    return _to_odd(total, error)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a * b rounded to odd; NaN, infinities and the signs of zeros as IEEE 754.

    Magnitudes below 2**990; products that are not zero above 2**-960.
    """
    with np.errstate(invalid="ignore"):
        product = np.asarray(a * b)
        # Dekker's two-product: the error of a float64 product is a float64.
        a_high, a_low = _split(a)
        b_high, b_low = _split(b)
        error = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return _to_odd(product, error)


def _split(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def _to_odd(nearest: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return ``nearest + error``, of which ``nearest`` is the nearest float64, rounded to odd."""
    bits = nearest.view(np.int64)
    # An even result goes to its neighbour on the side of the error. The bits of a float64 count magnitudes, so
    # that is one up if error and result have one sign.
    away = np.where((error > 0) == (nearest > 0), 1, -1)
    move = (error != 0) & (bits & 1 == 0) & np.isfinite(nearest)
    return (bits + np.where(move, away, 0)).view(np.float64)
