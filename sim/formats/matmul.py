"""Exact matrix products by float64 matrix products that lose nothing.

Values are sorted by their exponents. Of two ranges of exponents, one a factor, all products are multiples of a power of
two, and small in units of it: if sums stay below 2**53, a float64 product of the two parts of the matrices, zeros where
a value is of another range, is exact. Ranges for which it would not be are halved.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .fixed_point import FixedPoint, Grid
from .window import Window

FLOAT_BITS = 53
# Rows, columns and products of a sum handled at a time: temporaries take some 150 MB.
BLOCK_ROWS, BLOCK_COLUMNS, BLOCK_LENGTH = 512, 1024, 4096


def matmul(a: np.ndarray, b: np.ndarray, grid: Grid, window: Window | None = None) -> np.ndarray:
    """Return a @ b.T of two float64 matrices, each element exact and then rounded to odd (see :mod:`.exact`).

    Parameters
    ----------
    a, b : ndarray of float64, shapes (M, K) and (N, K)
        NaNs and infinities count as in IEEE 754, an exact zero is +0.
    grid : Grid
        Holds their finite values.
    window : Window, optional
        Products that count; by default all.
    """
    total = np.empty((len(a), len(b)))
    for rows in _blocks(len(a), BLOCK_ROWS):
        for columns in _blocks(len(b), BLOCK_COLUMNS):
            total[rows, columns] = _block(a[rows], b[columns], grid, window)
    return total


def _blocks(length: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, length, step))


def _block(a: np.ndarray, b: np.ndarray, grid: Grid, window: Window | None) -> np.ndarray:
    products = grid * grid
    if window is None and products.top - products.lsb + a.shape[1].bit_length() <= FLOAT_BITS and _finite(a, b):
        return a @ b.T + 0.0
    total = FixedPoint(window.grid(grid) if window else products, (len(a), len(b)))
    for part in _blocks(a.shape[1], BLOCK_LENGTH):
        _add(total, a[:, part], b[:, part], grid, window)
    return total.to_odd()


def _finite(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.isfinite(a).all() and np.isfinite(b).all())


def _add(total: FixedPoint, a: np.ndarray, b: np.ndarray, grid: Grid, window: Window | None) -> None:
    """Add a @ b.T."""
    if not _finite(a, b):
        total.add_special(_special_sums(a, b))
        # A product of zero and what is not finite is among them; all others of a zero here are zero.
        a, b = (np.where(np.isfinite(x), x, 0.0) for x in (a, b))
    window = window or Window(2 * grid.lsb, 2 * grid.top)
    pending = [(_Part(a, grid.split(a)[1] + grid.lsb), _Part(b, grid.split(b)[1] + grid.lsb))]
    while pending:
        x, y = (part.narrowed() for part in pending.pop())
        if x.empty or y.empty or x.high + y.high < window.lsb:
            continue
        if x.low + y.low > window.top:
            total.add_special(_infinities(*_signs(x.values, y.values)))
            continue
        spread = x.high - x.low + y.high - y.low
        exact = 2 * grid.significand_bits + spread + x.values.shape[1].bit_length() <= FLOAT_BITS
        if exact and x.low + y.low >= window.lsb and x.high + y.high <= window.top:
            lsb = x.low + y.low
            total.add_layer(np.ldexp(x.values @ y.values.T, -lsb).astype(np.int64), lsb - total.grid.lsb)
        elif x.high - x.low >= y.high - y.low:
            pending += [_together(half, y) for half in x.halves()]
        else:
            pending += [_together(x, half) for half in y.halves()]


@dataclass(frozen=True)
class _Part:
    """Values of a matrix whose exponents lie in a range; all others are zeros."""

    values: np.ndarray
    exponents: np.ndarray
    low: int = 0
    high: int = 0

    @property
    def empty(self) -> bool:
        return self.low > self.high

    def narrowed(self) -> "_Part":
        """Return this part with the smallest range."""
        there = self.exponents[self.values != 0]
        if not there.size:
            return _Part(self.values, self.exponents, 0, -1)
        return _Part(self.values, self.exponents, int(there.min()), int(there.max()))

    def halves(self) -> Iterator["_Part"]:
        """Return the values of the lower and of the upper half of the range, which is not one exponent."""
        lower = self.exponents <= (self.low + self.high) // 2
        return (_Part(np.where(chosen, self.values, 0.0), self.exponents) for chosen in (lower, ~lower))


def _together(x: _Part, y: _Part) -> tuple[_Part, _Part]:
    """Leave out the columns in which either matrix has only zeros."""
    chosen = (x.values != 0).any(axis=0) & (y.values != 0).any(axis=0)
    if chosen.mean() > 0.75:
        return x, y
    return tuple(_Part(part.values[:, chosen], part.exponents[:, chosen]) for part in (x, y))  # type: ignore[return-value]


def _special_sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sums of the products that are NaN or infinite; 0 where there are none."""
    chosen = ~(np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0))
    a, b = a[:, chosen], b[:, chosen]
    nan = np.isnan(a).any(axis=1)[:, None] | np.isnan(b).any(axis=1)
    a_inf, b_inf = np.isinf(a).astype(np.float64), np.isinf(b).astype(np.float64)
    nan |= (a_inf @ (b == 0).T + (a == 0) @ b_inf.T) > 0
    # Each pair with an infinity once: infinities of a with all of b, then numbers of a with infinities of b.
    a_sign, b_sign = (np.where(np.isnan(x), 0.0, np.sign(x)) for x in (a, b))
    first = _signs(a_sign * a_inf, b_sign)
    second = _signs(a_sign * (1 - a_inf), b_sign * b_inf)
    return np.where(nan, np.nan, _infinities(first[0] + second[0], first[1] + second[1]))


def _signs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of positive products and the number of negative products of each sum."""
    difference = np.sign(a) @ np.sign(b).T
    count = (a != 0).astype(np.float64) @ (b != 0).astype(np.float64).T
    return (count + difference) / 2, (count - difference) / 2


def _infinities(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return the sum of these numbers of positive and negative infinities; 0 if there are none."""
    infinite = np.where(positive > 0, np.inf, np.where(negative > 0, -np.inf, 0.0))
    return np.where((positive > 0) & (negative > 0), np.nan, infinite)
