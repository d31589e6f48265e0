"""The canonical NaN of FP32 units."""

import numpy as np
from numpy.typing import ArrayLike

NAN_CODE = 0x7FC00000
"""Code that every unit gives to NaN."""
NAN = np.uint32(NAN_CODE).view(np.float32)


def canonical(values: ArrayLike) -> np.ndarray:
    """Return FP32 numbers in which every NaN has the code ``NAN_CODE``."""
    return np.where(np.isnan(values), NAN, values).astype(np.float32, copy=False)
