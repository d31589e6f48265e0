"""Fits the scales of microscaling matrices, such as MXFP4, into the window of powers of two that a CIM tile has."""

from typing import NamedTuple

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.formats import E8M0, Blocks, Microscaling


class ScaledWeights(NamedTuple):
    """A matrix of shape (k, n): ``element.decode(codes) * 2**shifts * 2**exponents``, shifts by group of rows."""

    codes: np.ndarray
    """Codes of the elements, shape (k, n); a zero has code 0, whatever its sign."""
    shifts: np.ndarray
    """Codes of the e8m0 scales that tiles take, 0 to ``max_shift``, int64, shape (k / block, n)."""
    exponents: np.ndarray
    """Power of two of each column that the vector unit applies, int64, shape (n,)."""


def fit_scales(form: Microscaling, blocks: Blocks, max_shift: int) -> ScaledWeights:
    """Return a microscaling matrix, such as MXFP4, with the scales of its columns fitted into the window of a tile.

    The window of a column ends at its largest scale and begins ``max_shift`` below, or at its smallest scale if that
    is higher. Blocks with a scale in the window keep their codes. Blocks with a scale below the window are rounded to
    the nearest elements at the window's beginning: an error of at most ``2**-2 * 2**exponents`` for E2M1, that is
    ``2**(-2 - max_shift)`` times the largest scale. The scales of blocks of zeros are ignored.

    Parameters
    ----------
    form : Microscaling
        With scales E8M0.
    blocks : Blocks
        One row for each column of the matrix: scales (n, k / block), elements (n, k).
    max_shift : int
        The tile's.

    Raises
    ------
    ConfigError
        If a block is not a number.
    """
    scales, element = np.asarray(blocks.scales), form.element
    if np.isnan(E8M0.decode(scales)).any():
        raise ConfigError(f"a block of {form.name} weights has scale NaN, which is not allowed: a tile has no NaN")
    exponents = scales.astype(np.int64) - 127
    n, groups = exponents.shape
    codes = np.asarray(blocks.elements).reshape(n, groups, form.block)
    values = element.decode(codes)
    counts = (values != 0).any(axis=2)
    low, high = np.iinfo(np.int64).min // 2, np.iinfo(np.int64).max // 2
    top = np.where(counts, exponents, low).max(axis=1)
    base = np.maximum(top - max_shift, np.where(counts, exponents, high).min(axis=1))
    base = np.where(counts.any(axis=1), base, 0)
    shifts = np.where(counts, exponents - base[:, None], 0)
    below = np.minimum(shifts, 0)
    # Far below the window everything is zero; the bound keeps the powers finite.
    rounded = element.encode(values * 2.0 ** np.maximum(below, -64)[:, :, None])
    codes = np.where(below[:, :, None] < 0, rounded, codes)
    codes = np.where(element.decode(codes) == 0, 0, codes)
    return ScaledWeights(codes.reshape(n, -1).T, np.maximum(shifts, 0).T, base)
