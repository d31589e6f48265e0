"""Stored formats: one object for each format in which buffers, scratchpad and main memory hold numbers.

A name of a format, from a file or the command line, is looked up once with :func:`stored_format`; from there on the
object is passed around. A new stored format is one more entry here (and hardware that multiplies with it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import minifloat
from .format import ScalarFormat
from .integer import Int, UInt
from .minifloat import E2M1, Minifloat, usual_name
from .scale import E8M0
from .simd import Mode


@dataclass(frozen=True)
class StoredFormat:
    """A number format, and how an element of it is stored.

    The CIM array multiplies integers. So elements of the formats of weights and of their scales are *counts*: integer
    multiples of ``unit``. An E2M1 number is one of -12 to 12 halves.
    """

    format: ScalarFormat
    """Number format, which gives codes their meaning."""
    unit: float | None
    """Value of a count; None for floating-point numbers, which are not counted."""
    scratchpad: "StoredFormat | None" = None
    """Format in which the vector unit leaves elements in the scratchpad, None if it is this one. Memory keeps the
    lowest ``bits`` bits of each."""

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Name of the number format, by which files, programs and the command line call the stored format, too."""
        return self.format.name

    @property
    def label(self) -> str:
        """Name for people, for example INT8 or FP4 (E2M1)."""
        family, _, layout = self.name.upper().partition("_")
        return f"{family} ({layout})" if layout else family

    @property
    def bits(self) -> int:
        """Width of a code, and of an element of a weight matrix in main memory, where codes are packed."""
        return self.format.bits

    @property
    def dtype(self) -> np.dtype:
        """Type of an array of codes: signed for two's complement, so that numpy sees the integers themselves."""
        codes = self.format.code_dtype
        return np.dtype(f"i{codes.itemsize}") if isinstance(self.format, Int) else codes

    @property
    def written(self) -> "StoredFormat":
        """Format in which the vector unit leaves elements in the scratchpad."""
        return self.scratchpad or self

    @property
    def scratchpad_bytes(self) -> int:
        """Bytes of an element in the scratchpad."""
        return self.written.bits // 8

    @property
    def largest(self) -> int:
        """Largest count; symmetric quantisation uses no larger magnitude."""
        return round(self.format.max / self._unit)

    @property
    def lowest(self) -> int:
        """Lowest count, the most negative one."""
        return round(self.format.lowest / self._unit)

    @property
    def count_bits(self) -> int:
        """Width of a two's-complement integer that holds every count."""
        return max(self.largest, -self.lowest - 1).bit_length() + 1

    @property
    def counts(self) -> np.ndarray:
        """All counts of a format of up to 16 bits, int64, ascending, each once."""
        return np.unique(self.decode(np.arange(1 << self.bits))).astype(np.int64)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the numbers of codes, float64, exact: counts, or values of a format that is not counted.

        Only the lowest ``bits`` bits of a code matter.
        """
        values = self.format.decode(codes)
        return values if self.unit in (None, 1) else values / self.unit

    def encode(self, numbers: ArrayLike) -> np.ndarray:
        """Return the codes, of ``dtype``, of the nearest numbers, counts or values as in :meth:`decode`; ties to even.

        Counts saturate, and a count that rounds to zero has code 0, whatever its sign.
        """
        if self.unit is None:
            return self.format.encode(numbers)
        codes = self.format.encode(np.asarray(numbers, np.float64) * self.unit, saturate=True)
        codes[self.format.decode(codes) == 0] = 0
        return self.kept(codes)

    def kept(self, codes: ArrayLike) -> np.ndarray:
        """Return the lowest ``bits`` bits of integers as codes: sign-extended if ``dtype`` is signed."""
        spare = 8 * self.dtype.itemsize - self.bits
        left = np.asarray(codes).astype(self.format.code_dtype) << spare
        return left.view(self.dtype) >> spare

    def holds(self, other: "StoredFormat") -> bool:
        """Return whether codes of another format are codes of this one: of itself, or of shorter integers."""
        integers = isinstance(self.format, Int) and isinstance(other.format, Int)
        return self == other or (integers and other.bits < self.bits)

    def to_fp32(self, codes: np.ndarray) -> np.ndarray:
        """Return :meth:`decode` of codes rounded to float32, fast for the formats that the vector unit reads."""
        if isinstance(self.format, Minifloat) and self.format.exponent_bits == minifloat.FP32.exponent_bits:
            # BF16 and FP32 itself: the codes are the upper bits of FP32's.
            return (codes.astype(np.uint32) << 32 - self.bits).view(np.float32)
        return codes.astype(np.float32) if self.dtype.kind == "i" else self.decode(codes).astype(np.float32)

    def from_fp32(self, numbers: np.ndarray) -> np.ndarray:
        """Return :meth:`encode` of float32 numbers; of FP32 itself the bits as they are."""
        return numbers.view(np.uint32) if self.format == minifloat.FP32 else self.encode(numbers)

    @property
    def _unit(self) -> float:
        if self.unit is None:
            raise ValueError(f"{self.name}: numbers are not counted")
        return self.unit


FP32 = StoredFormat(minifloat.FP32, None)
BF16 = StoredFormat(minifloat.BF16, None)
INT32 = StoredFormat(Int(32), 1)
INT8 = StoredFormat(Int(8), 1)
INT4 = StoredFormat(Int(4), 1, scratchpad=INT8)
FP4_E2M1 = StoredFormat(E2M1, E2M1.min, scratchpad=FP32)
"""The vector unit leaves the code in the lowest bits of an FP32 number's significand."""
UINT8 = StoredFormat(UInt(8), 1)
"""Scale of a group of weights: a factor."""
SHIFT_E8M0 = StoredFormat(E8M0, E8M0.min)
"""Scale of a group of weights: code c is the factor 2**c, that is E8M0 counted in its smallest number."""

WEIGHTS = (INT4, INT8, FP4_E2M1)
"""Formats that the array can multiply activations with."""
ACTIVATIONS = (INT4, INT8)
"""Formats that the array takes activations in."""
GROUP_SCALES = (UINT8, SHIFT_E8M0)
"""Formats of scales of groups of weights."""
NPE_OPERANDS = {
    mode: {each.name: each for each in (INT4, INT8, FP4_E2M1, BF16)}.get(mode.label, StoredFormat(mode.format, None))
    for mode in Mode
}
"""Formats that the NPE multiplies, by the number of its mode; memory holds their codes without gaps."""
_BY_NAME = {each.name: each for each in (*WEIGHTS, *GROUP_SCALES, INT32, BF16, FP32)}


def stored_format(name: str) -> StoredFormat:
    """Return the stored format of a name; a minifloat may be named ``fp<e>m<m>``.

    Raises
    ------
    ValueError
        If there is none.
    """
    usual = usual_name(name)
    if usual not in _BY_NAME:
        raise ValueError(f"unknown stored format {name!r}: one of {', '.join(_BY_NAME)}")
    return _BY_NAME[usual]


def npe_mode(storage: StoredFormat) -> Mode:
    """Return the mode in which the NPE takes numbers of a stored format.

    Raises
    ------
    ValueError
        If it has none.
    """
    for mode, form in NPE_OPERANDS.items():
        if form == storage:
            return mode
    raise ValueError(f"{storage}: no format of the NPE: {', '.join(map(str, NPE_OPERANDS.values()))}")
