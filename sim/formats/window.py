"""Exact sums of the products that lie within a window, for formats whose whole range would need too wide a sum."""

from dataclasses import dataclass

import numpy as np

from .fixed_point import FixedPoint, Grid, require_one_length


@dataclass(frozen=True)
class Window:
    """Range of the products of a format that are summed.

    A finite product is ``s * 2**e``: s and e are the product and the sum of the factors' significands and exponents as
    :meth:`.Grid.split` gives them. It counts as it is if lsb <= e <= top, as zero if e is smaller, and as an infinity
    of its sign if e is larger and s is not zero.
    """

    lsb: int
    top: int

    def grid(self, factor: Grid) -> Grid:
        """Return the grid of the products that count, of two factors of a grid."""
        bits = 2 * factor.significand_bits
        return Grid(self.lsb, self.top + bits, bits)


def dot(a: np.ndarray, b: np.ndarray, grid: Grid, window: Window) -> np.ndarray:
    """Return the dot products of two float64 arrays along their last axis within a window, rounded to odd.

    Parameters
    ----------
    a, b : ndarray of float64, shapes (..., length)
        Leading axes broadcast. NaNs and infinities count as in IEEE 754, and so do the infinities
        that are too large products.
    grid : Grid
        Grid of the factors.
    window : Window
        Products that count.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    require_one_length(a, b)
    total = FixedPoint(window.grid(grid), np.broadcast_shapes(a.shape[:-1], b.shape[:-1]))
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.all():
        with np.errstate(invalid="ignore"):
            total.add_special(np.where(finite, 0.0, a * b).sum(axis=-1))
    a_significands, a_exponents = grid.split(np.where(np.isfinite(a), a, 0.0))
    b_significands, b_exponents = grid.split(np.where(np.isfinite(b), b, 0.0))
    products = np.where(finite, a_significands * b_significands, 0)
    # In units of the window's last bit.
    exponents = a_exponents + b_exponents + (2 * grid.lsb - window.lsb)
    large = (exponents > window.top - window.lsb) & (products != 0)
    if large.any():
        with np.errstate(invalid="ignore"):
            total.add_special(np.where(large, np.copysign(np.inf, products), 0.0).sum(axis=-1))
    within = (exponents >= 0) & ~large & (products != 0)
    total.add_integers(np.where(within, products, 0), np.where(within, exponents, 0))
    return total.to_odd()
