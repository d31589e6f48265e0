"""Base classes of all number formats."""

from abc import ABC, abstractmethod
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from . import exact, fixed_point
from .fixed_point import Grid

# Elements handled at a time: a few float64 temporaries of this length stay in the cache.
CHUNK = 1 << 13
# Formats up to this width decode by looking up a table.
TABLE_BITS = 16


class Format(ABC):
    """A number format: how values are represented by bits."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that :func:`parse_format` takes."""

    @property
    @abstractmethod
    def bits_per_value(self) -> float:
        """Number of bits that a value takes in memory, its share of a block's scale included."""

    def __str__(self) -> str:
        return self.name


class ScalarFormat(Format):
    """A format in which each value has a code of its own, an unsigned integer of ``bits`` bits.

    All finite values of all formats are exact in float64, and so are the products of two of them up to 53 bits.
    """

    @property
    @abstractmethod
    def bits(self) -> int:
        """Width of a code in bits."""

    @property
    @abstractmethod
    def max(self) -> float:
        """Largest finite value."""

    @property
    @abstractmethod
    def min(self) -> float:
        """Smallest positive value, a power of two; every finite value is a multiple of it."""

    @property
    def lowest(self) -> float:
        """Most negative finite value."""
        return -self.max

    @property
    @abstractmethod
    def significand_bits(self) -> int:
        """Maximum width of a significand, with the hidden bit and without the sign."""

    @property
    @abstractmethod
    def nan_code(self) -> int | None:
        """Code that :meth:`encode` gives to NaN: NaR, the canonical quiet NaN, or None if there is none."""

    @property
    def has_nan(self) -> bool:
        """Whether the format has a NaN (NaR)."""
        return self.nan_code is not None

    @property
    def has_inf(self) -> bool:
        """Whether the format has infinities."""
        return False

    @property
    def bits_per_value(self) -> float:
        """Width of a code in bits."""
        return self.bits

    @property
    def code_dtype(self) -> np.dtype:
        """The smallest unsigned dtype that holds a code."""
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16 if self.bits <= 16 else np.uint32)

    @property
    def grid(self) -> Grid:
        """Grid of the finite values of the format."""
        magnitude = max(self.max, -self.lowest)
        return Grid(_floor_log2(self.min), _floor_log2(magnitude) + 1, self.significand_bits)

    @property
    def quire_lsb(self) -> int:
        """Exponent of two of the exact accumulator's last bit: the exponent of the product of two smallest values."""
        return 2 * _floor_log2(self.min)

    @property
    def quire_bits(self) -> int:
        """Width of the exact accumulator, a multiple of 32.

        The magnitude of the largest product in units of 2**quire_lsb, a sign, and at least 6 bits for carries. Gives
        the 32, 128 and 512 bits of posit8_0, posit16_1 and posit32_2 in the posit standard's 2018 draft.
        """
        largest = int(max(self.max, -self.lowest) / self.min) ** 2
        return -(-(largest.bit_length() + 1 + 6) // 32) * 32

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the values of codes.

        Parameters
        ----------
        codes : array of any integer dtype
            Only the low ``bits`` bits count, so that signed arrays of two's complement codes do as they are.

        Returns
        -------
        ndarray of float64, the shape of ``codes``
            Exact. NaR and NaNs are NaN.

        Raises
        ------
        TypeError
            If the codes are not integers.
        """
        codes = np.asarray(codes)
        if codes.dtype.kind not in "iu":
            raise TypeError(f"{self.name}: codes must be integers, not {codes.dtype}")
        flat = codes.reshape(-1)
        values = np.empty(flat.size)
        table = _table(self) if self.bits <= TABLE_BITS else None
        for start in range(0, flat.size, CHUNK):
            part = slice(start, start + CHUNK)
            chunk = flat[part].astype(np.int64)
            chunk &= (1 << self.bits) - 1
            if table is None:
                values[part] = self._decode(chunk)
            else:
                # All indices are in range: "clip" only spares numpy a copy of the output.
                table.take(chunk, out=values[part], mode="clip")
        return values.reshape(codes.shape)

    def encode(self, values: ArrayLike, *, saturate: bool | None = None) -> np.ndarray:
        """Return the codes of the nearest values, ties to the even code.

        Parameters
        ----------
        values : array of numbers
            Taken as float64.
        saturate : bool, optional
            Whether what rounds to more than ``max``, infinities included, becomes the largest finite value instead
            of an infinity or NaN. Only minifloats that have one of them can choose; None takes the format's own rule.

        Returns
        -------
        ndarray of ``code_dtype``, the shape of ``values``
            Each format's description says which codes NaN and infinities become.
        """
        with np.errstate(invalid="ignore"):  # signalling NaNs
            values = np.asarray(values, dtype=np.float64)
            flat = values.reshape(-1)
            codes = np.empty(flat.size, dtype=self.code_dtype)
            for start in range(0, flat.size, CHUNK):
                part = slice(start, start + CHUNK)
                codes[part] = self._encode(np.ascontiguousarray(flat[part]), saturate)
        return codes.reshape(values.shape)

    @abstractmethod
    def _decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the float64 values of int64 codes within ``bits`` bits."""

    @abstractmethod
    def _encode(self, values: np.ndarray, saturate: bool | None) -> np.ndarray:
        """Return the int64 codes of contiguous float64 values."""

    def add(
        self,
        a_codes: ArrayLike,
        b_codes: ArrayLike,
        *,
        other: "ScalarFormat | None" = None,
        out: "ScalarFormat | None" = None,
    ) -> np.ndarray:
        """Return the codes of the sums of two arrays, elementwise, each the exact sum rounded once.

        NaN, infinities and the sign of a zero as in IEEE 754.

        Parameters
        ----------
        a_codes, b_codes : arrays of integers
            Codes of this format and of ``other`` (default: this one); they broadcast.
        out : ScalarFormat, optional
            Format of the result; default: this one.
        """
        return (out or self).encode(exact.add(self.decode(a_codes), (other or self).decode(b_codes)))

    def multiply(
        self,
        a_codes: ArrayLike,
        b_codes: ArrayLike,
        *,
        other: "ScalarFormat | None" = None,
        out: "ScalarFormat | None" = None,
    ) -> np.ndarray:
        """Return the codes of the products of two arrays, elementwise, each the exact product rounded once.

        Parameters and special values as in :meth:`add`.
        """
        return (out or self).encode(exact.multiply(self.decode(a_codes), (other or self).decode(b_codes)))

    def dot(
        self,
        a_codes: ArrayLike,
        b_codes: ArrayLike,
        *,
        other: "ScalarFormat | None" = None,
        out: "ScalarFormat | None" = None,
    ) -> np.ndarray:
        """Return the codes of the dot products along the last axis, each the exact sum rounded once.

        Parameters
        ----------
        a_codes, b_codes : arrays of integers, shapes (..., length), length below 2**24
            Codes of this format and of ``other`` (default: this one); leading axes broadcast.
        out : ScalarFormat, optional
            Format of the result; default: this one.

        Returns
        -------
        ndarray, the broadcast shape of the leading axes
            A NaN in gives NaN; infinities follow IEEE 754; an exact zero is +0.

        Raises
        ------
        ValueError
            If the lengths differ.
        """
        other = other or self
        return (out or self).encode(fixed_point.dot(self.decode(a_codes), self.grid, other.decode(b_codes), other.grid))


def convert(
    codes: ArrayLike, source: ScalarFormat, destination: ScalarFormat, *, saturate: bool | None = None
) -> np.ndarray:
    """Return codes of one format as codes of another: the exact value, rounded once.

    Between minifloats -0 stays -0. ``saturate`` as in :meth:`ScalarFormat.encode` of the destination.
    """
    return destination.encode(source.decode(codes), saturate=saturate)


def require(field: str, value: int, low: int, high: int) -> None:
    """Raise ValueError unless low <= value <= high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{field} = {value!r} is not allowed: {low} to {high}")


def _floor_log2(value: float) -> int:
    return int(np.frexp(value)[1]) - 1


@lru_cache(maxsize=256)
def _table(scalar: ScalarFormat) -> np.ndarray:
    """Return the values of all codes, read-only."""
    values = scalar._decode(np.arange(1 << scalar.bits, dtype=np.int64))
    values.setflags(write=False)
    return values
