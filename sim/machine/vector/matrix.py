"""Matrices in flat memory."""

import numpy as np


def matrix_view(flat: np.ndarray, offset: int, rows: int, columns: int, stride: int) -> np.ndarray:
    """Return a view: element (r, c) is ``flat[offset + r * stride + c]``. The caller checks the bounds."""
    size = flat.itemsize
    return np.lib.stride_tricks.as_strided(flat[offset:], (rows, columns), (stride * size, size))
