"""Exponential, reciprocal and reciprocal square root in FP32, from tables, bit for bit as the vector unit computes
them.

A significand from 1 to 2 is interpolated between 512 entries in integers, with ``GUARD_BITS`` more bits than FP32 has,
and rounded once. Results below FP32's smallest normal number are zero. The functions are monotonic.

:data:`MAX_ERROR` holds the largest relative errors of normal results against float64, measured by
``tests/sim/formats/test_functions.py``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .fp32 import NAN_CODE

ENTRIES = 512
MANTISSA_BITS = 23
BIAS = 127
STEP_BITS = MANTISSA_BITS - (ENTRIES - 1).bit_length()
"""Number of bits of a position between two entries; a position has ``MANTISSA_BITS``."""
GUARD_BITS = 3
"""Number of bits of an entry after the bits of a significand."""
UNIT_BITS = MANTISSA_BITS + GUARD_BITS
"""Number of bits of an entry after the binary point: an entry is a multiple of ``2 ** -UNIT_BITS``."""
HALF = 1 << GUARD_BITS - 1
"""Half of the last place of a significand, in units of an entry."""
LOG2_E_BITS = 30
LOG2_E = round(math.log2(math.e) * (1 << LOG2_E_BITS))
"""Value of ``log2(e)`` in units of ``2 ** -LOG2_E_BITS``."""
RANGE_BITS = 7
"""Exponent of two of the magnitude from which on an exponential is infinite or zero."""
INFINITY_CODE, SIGN = 0x7F800000, 1 << 31


@dataclass(frozen=True)
class Table:
    """A convex, monotonic function from [0, 1] to significands from 1 to 2.

    Parameters
    ----------
    function : callable
        In float64.
    """

    function: Callable[[float], float]

    @cached_property
    def base(self) -> tuple[int, ...]:
        """Table entries: ENTRIES + 1 integers, in units of ``2 ** -UNIT_BITS``.

        The first and the last are the function's. The others are lower by half of what a straight line between two
        values is too high in its middle: it is then as much too high there as it is too low at its ends.
        """
        exact = [self.function(i / ENTRIES) for i in range(ENTRIES + 1)]
        lower = list(exact)
        for i in range(1, ENTRIES):
            lower[i] -= (exact[i - 1] - 2 * exact[i] + exact[i + 1]) / 16
        return tuple(round(value * (1 << UNIT_BITS)) for value in lower)

    @cached_property
    def falls(self) -> bool:
        """Flag: the function falls."""
        return self.base[-1] < self.base[0]

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Distance from each entry to the next one, without a sign."""
        return tuple(abs(self.base[i + 1] - self.base[i]) for i in range(ENTRIES))

    def significand(self, position: np.ndarray) -> np.ndarray:
        """Return the function, rounded to integers in units of ``2 ** -MANTISSA_BITS``.

        Parameters
        ----------
        position : ndarray of int64
            In units of ``2 ** -MANTISSA_BITS``, from 0 to less than 1.
        """
        index, t = position >> STEP_BITS, position & ((1 << STEP_BITS) - 1)
        here, step = np.array(self.base, np.int64)[index], np.array(self.steps, np.int64)[index]
        way = step * t >> STEP_BITS
        return (here + HALF + (-way if self.falls else way)) >> GUARD_BITS


EXP2 = Table(lambda f: 2.0**f)
"""Table of ``2 ** f`` for f from 0 to 1."""
RECIPROCAL = Table(lambda f: 2 / (1 + f))
"""Table of twice the reciprocal of ``1 + f``."""
RSQRT = (Table(lambda f: 2 / math.sqrt(1 + f)), Table(lambda f: 2 / math.sqrt(2 * (1 + f))))
"""Tables of twice the reciprocal square root of ``1 + f``, and of ``2 * (1 + f)``."""
MAX_ERROR = {"exp": 3.18e-7, "reciprocal": 7.66e-7, "rsqrt": 3.27e-7}
"""Largest relative error of a normal result, by function."""


def exp(x: ArrayLike) -> np.ndarray:
    """Return exponentials of FP32 numbers.

    ``x * log2(e)`` is rounded to a multiple of ``2 ** -MANTISSA_BITS``: its integer is the exponent, its fraction the
    position in the table.

    Parameters
    ----------
    x : array of float32
        Zeros and small magnitudes give 1.

    Returns
    -------
    ndarray of float32
        +0 below FP32's smallest normal number, infinity above its largest; NaN of NaN, the canonical one.
    """
    x = np.asarray(x, dtype=np.float32)
    negative, exponent, mantissa = _fields(x)
    # In units of 2 ** -(MANTISSA_BITS + 1), truncated, then rounded to half as many.
    product = (mantissa | 1 << MANTISSA_BITS) * LOG2_E
    distance = LOG2_E_BITS - 1 - (exponent - BIAS)
    twice = product >> np.clip(distance, 0, 63)
    position = np.where(negative, -twice, twice) + 1 >> 1
    scale = (position >> MANTISSA_BITS) + BIAS
    significand = EXP2.significand(position & ((1 << MANTISSA_BITS) - 1))
    code = (scale << MANTISSA_BITS) + (significand - (1 << MANTISSA_BITS))
    large = exponent >= BIAS + RANGE_BITS
    code = np.where((scale <= 0) | (large & negative), 0, code)
    code = np.where((scale >= 2 * BIAS + 1) & ~large | (large & ~negative), INFINITY_CODE, code)
    return _floats(np.where(np.isnan(x), NAN_CODE, code))


def reciprocal(x: ArrayLike) -> np.ndarray:
    """Return reciprocals of FP32 numbers; those of powers of two are exact.

    Parameters
    ----------
    x : array of float32
        Subnormal numbers count as zeros.

    Returns
    -------
    ndarray of float32
        The sign is that of x: infinity of zero, zero of infinity and of what has a subnormal reciprocal; NaN of NaN,
        the canonical one.
    """
    x = np.asarray(x, dtype=np.float32)
    negative, exponent, mantissa = _fields(x)
    # A significand of 2 carries into the exponent.
    code = (2 * BIAS - 1 - exponent << MANTISSA_BITS) + RECIPROCAL.significand(mantissa) - (1 << MANTISSA_BITS)
    code = np.where(code < 1 << MANTISSA_BITS, 0, code)
    code = np.where(exponent == 0, INFINITY_CODE, code)
    return _floats(np.where(np.isnan(x), NAN_CODE, code | np.where(negative, SIGN, 0)))


def rsqrt(x: ArrayLike) -> np.ndarray:
    """Return reciprocal square roots of FP32 numbers; those of powers of four are exact.

    Parameters
    ----------
    x : array of float32
        Subnormal numbers of both signs count as zeros.

    Returns
    -------
    ndarray of float32
        Infinity of zeros of both signs, +0 of infinity; NaN of negative numbers and of NaN, the canonical one.
    """
    x = np.asarray(x, dtype=np.float32)
    negative, exponent, mantissa = _fields(x)
    odd = (exponent - BIAS) % 2 == 1
    significand = np.where(odd, RSQRT[1].significand(mantissa), RSQRT[0].significand(mantissa))
    code = (BIAS - 1 - (exponent - BIAS >> 1) << MANTISSA_BITS) + significand - (1 << MANTISSA_BITS)
    code = np.where(exponent == 2 * BIAS + 1, 0, code)
    code = np.where(np.isnan(x) | negative, NAN_CODE, code)
    return _floats(np.where(exponent == 0, INFINITY_CODE, code))


def _fields(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sign, exponent and mantissa as they are stored."""
    code = x.view(np.uint32).astype(np.int64)
    return code >= SIGN, code >> MANTISSA_BITS & 2 * BIAS + 1, code & ((1 << MANTISSA_BITS) - 1)


def _floats(code: np.ndarray) -> np.ndarray:
    return code.astype(np.uint32).view(np.float32)
