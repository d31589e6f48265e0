"""The exact accumulator in numpy: the content of a hardware quire."""

import numpy as np
from numpy.typing import ArrayLike

from .fixed_point import FixedPoint
from .format import ScalarFormat

ONE = np.ones(1)


class Quire:
    """An array of exact sums of products.

    Whatever is added, in whatever order, nothing is lost; :meth:`read` rounds once. The sums are wider than
    ``quire_bits``: 2**24 products always fit, so an overflow of a hardware quire is for the caller to look for, in
    :meth:`integers`.

    Parameters
    ----------
    a, b : ScalarFormat
        Formats of the factors; ``b`` is ``a`` by default.
    shape : tuple of int
        Shape of the array of sums.
    """

    def __init__(self, a: ScalarFormat, b: ScalarFormat | None = None, shape: tuple[int, ...] = ()) -> None:
        self.a = a
        self.b = b or a
        self._sum = FixedPoint(self.a.grid * self.b.grid, shape)

    @property
    def lsb(self) -> int:
        """Exponent of two of the last bit: ``quire_lsb`` if both formats are one."""
        return self._sum.grid.lsb

    def clear(self) -> None:
        """Set all sums to zero."""
        self._sum.clear()

    def add_products(self, a_codes: ArrayLike, b_codes: ArrayLike) -> None:
        """Add the products of two arrays of codes, summed along their last axis; they broadcast to (*shape, length)."""
        self._sum.add_products(self.a.decode(a_codes), self.a.grid, self.b.decode(b_codes), self.b.grid)

    def add(self, codes: ArrayLike) -> None:
        """Add values of format ``a``, codes that broadcast to ``shape``.

        Raises
        ------
        ValueError
            If ``b`` has no bits as high as 1.0, so that the values may not fit.
        """
        if self.b.max < 1 or self.b.min > 1:
            raise ValueError(f"{self.b.name} has no 1: a value of {self.a.name} may not fit")
        values = self.a.decode(codes)[..., None]
        self._sum.add_products(values, self.a.grid, ONE, self.b.grid)

    def read(self, out: ScalarFormat | None = None, *, scale: ArrayLike = 0) -> np.ndarray:
        """Return the codes of the sums times ``2 ** scale``, each rounded once; an exact zero is +0.

        Parameters
        ----------
        out : ScalarFormat, optional
            Format of the codes; default: ``a``.
        scale : integers, at most 512 in magnitude
            Exponents of two, of a shape that broadcasts with ``shape``.
        """
        return (out or self.a).encode(np.ldexp(self._sum.to_odd(), scale))

    def integers(self) -> np.ndarray:
        """Return the sums in units of 2**lsb: an object array of Python integers, NaNs and infinities left out."""
        return self._sum.integers()
