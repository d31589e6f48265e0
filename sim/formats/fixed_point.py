"""Exact sums of products as wide fixed-point numbers, and exact dot products of float64 arrays."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import exact

RADIX_BITS = 32
LOW = (1 << RADIX_BITS) - 1
# So that a product is an int64.
MAX_SIGNIFICAND_BITS = 31
# Products handled at a time, so that temporaries stay small; and the fewest of one sum.
CHUNK = 1 << 16
CHUNK_LENGTH = 8
# Bits for the growth of sums, so that any number of products below 2**24 fits.
GROWTH_BITS = 24


@dataclass(frozen=True)
class Grid:
    """Positions of the finite values of a format: integers below 2**significand_bits times powers of two."""

    lsb: int
    """Exponent of two of which every value is a multiple: 2**lsb."""
    top: int
    """Exponent of two that bounds every magnitude: 2**top."""
    significand_bits: int
    """Maximum width of a significand; at most MAX_SIGNIFICAND_BITS for factors of products."""

    def __mul__(self, other: "Grid") -> "Grid":
        """Return the grid of products."""
        bits = self.significand_bits + other.significand_bits
        return Grid(self.lsb + other.lsb, self.top + other.top, bits)

    def split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return integers s and e >= 0, int64, with values == s * 2**(e + lsb). Values must be finite."""
        exponents = np.maximum(np.frexp(values)[1] - self.significand_bits, self.lsb).astype(np.int64)
        return np.ldexp(values, -exponents).astype(np.int64), exponents - self.lsb


class FixedPoint:
    """An array of exact sums, each in limbs of 32 bits kept in int64.

    Parameters
    ----------
    grid : Grid
        Grid of what is added.
    shape : tuple of int
        Shape of the array of sums.
    """

    def __init__(self, grid: Grid, shape: tuple[int, ...] = ()) -> None:
        self.grid = grid
        # A product's limb, the two that it spills into, and the growth of sums.
        limbs = (grid.top - grid.lsb + GROWTH_BITS) // RADIX_BITS + 3
        self._limbs = np.zeros((*shape, limbs), dtype=np.int64)
        # Sum of the NaNs and infinities: zero while there are none.
        self._special = np.zeros(shape)

    def clear(self) -> None:
        """Set every sum to zero."""
        self._limbs[:] = 0
        self._special[...] = 0

    def add_products(self, a: np.ndarray, a_grid: Grid, b: np.ndarray, b_grid: Grid) -> None:
        """Add the products of two float64 arrays along their last axis.

        Parameters
        ----------
        a, b : ndarray of float64, shapes (..., length)
            Leading axes broadcast to ``shape``. NaNs and infinities count as in IEEE 754.
        a_grid, b_grid : Grid
            Grids of the arrays; the product's grid must lie on the grid of the sum.

        Raises
        ------
        ValueError
            If the lengths differ.
        """
        require_one_length(a, b)
        finite_a, finite_b = np.isfinite(a), np.isfinite(b)
        if not (finite_a.all() and finite_b.all()):
            self._add_special(a, b)
            # A product with a NaN or an infinity counts there only.
            a, b = np.broadcast_arrays(a, b)
            finite = finite_a & finite_b
            a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
        a_significands, a_exponents = a_grid.split(a)
        b_significands, b_exponents = b_grid.split(b)
        offset = a_grid.lsb + b_grid.lsb - self.grid.lsb
        for part in self._parts(a.shape[-1]):
            self._add(a_significands[part] * b_significands[part], a_exponents[part] + (b_exponents[part] + offset))

    def add_integers(self, integers: np.ndarray, exponents: np.ndarray) -> None:
        """Add integers * 2**(exponents + lsb) along the last axis.

        Parameters
        ----------
        integers, exponents : ndarrays of int64, shapes (..., length)
            Leading axes broadcast to ``shape``. Magnitudes below 2**62; what is added lies below 2 * 2**top.
        """
        integers, exponents = np.broadcast_arrays(integers, exponents)
        for part in self._parts(integers.shape[-1]):
            self._add(integers[part], exponents[part])

    def add_layer(self, integers: np.ndarray, exponent: int) -> None:
        """Add integers * 2**(exponent + lsb), one to each sum.

        Parameters
        ----------
        integers : ndarray of int64
            Magnitudes below 2**53; broadcasts to ``shape``.
        exponent : int
            At least 0. What is added is a sum of products.
        """
        limb, shift = divmod(exponent, RADIX_BITS)
        for i, part in enumerate(_spread(integers, shift)):
            self._limbs[..., limb + i] += part
        _carry(self._limbs)

    def add_special(self, special: np.ndarray) -> None:
        """Add NaNs and infinities; zeros where there are none. Broadcasts to ``shape``."""
        with np.errstate(invalid="ignore"):
            self._special += special

    def _parts(self, length: int) -> Iterator[tuple]:
        """Return indices of parts of the last axis that are so short that temporary arrays stay small."""
        step = max(CHUNK_LENGTH, CHUNK // max(1, self._special.size))
        return ((..., slice(start, start + step)) for start in range(0, length, step))

    def _add_special(self, a: np.ndarray, b: np.ndarray) -> None:
        with np.errstate(invalid="ignore"):
            products = a * b
            self.add_special(np.where(np.isfinite(products), 0.0, products).sum(axis=-1))

    def _add(self, products: np.ndarray, exponents: np.ndarray) -> None:
        """Add integers below 2**62 times 2**(exponents + lsb) along the last axis."""
        sums = self._limbs.shape[:-1]
        products, exponents = (np.broadcast_to(x, (*sums, x.shape[-1])) for x in (products, exponents))
        parts = _spread(products, exponents % RADIX_BITS)
        # bincount adds in float64: exact, as it adds at most CHUNK integers below 2**33 to a limb.
        first = np.arange(self._special.size).reshape(*sums, 1) * self._limbs.shape[-1] + exponents // RADIX_BITS
        for i, part in enumerate(parts):
            total = np.bincount((first + i).ravel(), weights=part.ravel(), minlength=self._limbs.size)
            self._limbs += total.astype(np.int64).reshape(self._limbs.shape)
        _carry(self._limbs)

    def to_odd(self) -> np.ndarray:
        """Return the sums as float64, rounded to odd (see :mod:`.exact`); an exact zero is +0."""
        negative = self._limbs[..., -1:] < 0
        magnitude = np.where(negative, -self._limbs, self._limbs)
        _carry(magnitude)
        # From the lowest limb up: what has been added never exceeds what follows, so that an odd last bit
        # stays below the last bit of the sum, or stays its last bit.
        total = np.zeros(self._special.shape)
        for i in range(magnitude.shape[-1]):
            limb = np.ldexp(magnitude[..., i].astype(np.float64), RADIX_BITS * i + self.grid.lsb)
            total = exact.add(total, limb)
        total = np.where(negative[..., 0], -total, total)
        return np.where(self._special == 0, total, self._special)

    def integers(self) -> np.ndarray:
        """Return the sums in units of 2**lsb as an object array of Python integers, without NaNs and infinities."""
        weights = np.array([1 << RADIX_BITS * i for i in range(self._limbs.shape[-1])], dtype=object)
        return np.asarray((self._limbs.astype(object) * weights).sum(axis=-1), dtype=object)


def require_one_length(a: np.ndarray, b: np.ndarray) -> None:
    """Raise ValueError unless the last axes have one length."""
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1]:
        raise ValueError(f"shapes {a.shape} and {b.shape}: the last axes must have one length")


def _spread(integers: np.ndarray, shifts: np.ndarray | int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the three limbs, below 2**33 in magnitude, of integers below 2**62 times 2**shifts, shifts below 32."""
    low = (integers & LOW) << shifts
    high = (integers >> RADIX_BITS) << shifts
    return low & LOW, (low >> RADIX_BITS) + (high & LOW), high >> RADIX_BITS


def _carry(limbs: np.ndarray) -> None:
    """Bring all limbs but the highest, which has the sign, into 0 .. 2**32 - 1."""
    for i in range(limbs.shape[-1] - 1):
        limbs[..., i + 1] += limbs[..., i] >> RADIX_BITS
        limbs[..., i] &= LOW


def dot(a: np.ndarray, a_grid: Grid, b: np.ndarray, b_grid: Grid) -> np.ndarray:
    """Return the dot products of two float64 arrays along their last axis, rounded to odd.

    Parameters
    ----------
    a, b : ndarray of float64, shapes (..., length)
        Leading axes broadcast.
    a_grid, b_grid : Grid
        Grids that hold their finite values.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    require_one_length(a, b)
    grid = a_grid * b_grid
    if grid.top - grid.lsb + a.shape[-1].bit_length() <= 53:
        # Every partial sum, in any order, is an integer below 2**53 times 2**lsb: float64 loses nothing.
        with np.errstate(invalid="ignore"):
            return np.asarray(np.einsum("...i,...i->...", a, b)) + 0.0
    total = FixedPoint(grid, np.broadcast_shapes(a.shape[:-1], b.shape[:-1]))
    total.add_products(a, a_grid, b, b_grid)
    return total.to_odd()
