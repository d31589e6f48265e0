"""Conversion of activations to E2M1 with two passes of the vector unit, which has no such storage.

Keys and values are weights of the array: where these are E2M1, so must they be. FP32 has the shape of E2M1, a sign, an
exponent, a significand that is subnormal at the lower end; what is left is to cut it to four bits.

1. ``values * inverse`` are numbers of E2M1 in halves, -12 to 12. Times 2**-127 the smallest normal number of E2M1, 1,
   is that of FP32, 2**-126. So the bits of the magnitude, as an integer, are ``2**22`` times E2M1's code, 0 to 7, with
   what is to be rounded as a fraction, for subnormal numbers too. The sign counts ``-2**31``, which is -512 codes.
2. These bits are read as INT32. ``+ 3 * 2**44`` leaves FP32 no place for fractions of a code: it rounds to the nearest,
   to even codes in the middle, as E2M1 does. ``* 65 / 64`` makes -520 of the -512, which is 8 modulo 16: the sign bit
   of E2M1; codes gain less than 1/8, which is rounded away. The product is above ``2**23`` units of a code, so that
   the lowest four bits of its significand are the code, and a packed store writes these.

Rows whose scale is 0 become zeros: the sum of step 2 is NaN, whose bits end with zeros. The nearest number is missed
only within 2**-15 codes of the middle of two: there the error of the reciprocal, and FP32's rounding of the product and
of the bits as an integer, decide.
"""

import numpy as np

from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.isa.vector_command import PassOptions, Reduce

ROUND = PassOptions(reduce=Reduce.MAXIMUM, scale=0.0, offset=3 * 2.0**44)
"""Options of the first pass: it leaves the second pass's term as a row scalar, whatever the row."""
FACTORS = (2.0**-127, 65 / 64)
"""Factors of the two passes."""


def two_passes(storage: StoredFormat) -> bool:
    """Return whether numbers of a format are made by the two passes."""
    return storage == stored.FP4_E2M1


def factors_name(columns: int) -> str:
    """Return the name of the constant with the factors for matrices of this number of columns, one row for each
    pass."""
    return f"e2m1.{columns}"


def factors_constant(storage: StoredFormat, columns: int) -> dict[str, np.ndarray]:
    """Return this constant as it is stored, by its name; nothing for a format that one pass makes."""
    if not two_passes(storage):
        return {}
    rows = np.repeat(np.array(FACTORS, np.float32)[:, None], columns, axis=1)
    return {factors_name(columns): stored.FP32.from_fp32(rows)}
