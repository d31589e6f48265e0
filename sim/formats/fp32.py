"""The NaN of FP32 units."""

import numpy as np
from numpy.typing import ArrayLike

NAN_CODE = 0x7FC00000
"""What every unit gives for NaN."""
NAN = np.uint32(NAN_CODE).view(np.float32)


def canonical(values: ArrayLike) -> np.ndarray:
    """Return FP32 numbers with every NaN the one of ``NAN_CODE``."""
    return np.where(np.isnan(values), NAN, values).astype(np.float32, copy=False)
