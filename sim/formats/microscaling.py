"""Blocks of small elements that share a scale: OCP Microscaling (MX) and NVFP4."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import fixed_point
from .fixed_point import MAX_SIGNIFICAND_BITS, Grid
from .format import Format, ScalarFormat
from .integer import Int
from .minifloat import E2M1, E4M3, Minifloat
from .scale import E8M0, PowerOfTwo


class Blocks(NamedTuple):
    """Codes of block-scaled values."""

    scales: np.ndarray
    """Codes of the scales, one for each block, shape (..., length / block)."""
    elements: np.ndarray
    """Codes of the elements, one in each array element (not packed), shape (..., length)."""


@dataclass(frozen=True)
class Microscaling(Format):
    """Blocks of ``block`` elements along the last axis; a value is its element times its block's scale.

    With amax the largest magnitude of a block:

    - scale E8M0: 2**(floor(log2(amax)) - floor(log2(element.max))), within E8M0's range (OCP MX v1.0, section 6.3);
    - scale a minifloat: amax / element.max, rounded and saturated as that minifloat does (NVFP4; its second scale, one
      for a tensor, is up to the caller).

    Elements are values / scale, rounded to the element's format, saturated. A block with a NaN or an infinity has scale
    NaN and elements 0, and decodes to NaNs. Where amax is zero, or too small for a scale that is not zero, the scale
    is its format's smallest (2**-127 or 0) and all elements are zeros, signs kept where a value was a zero or the
    element has a -0.

    Parameters
    ----------
    element : Minifloat or Int
        Format of an element.
    block : int
        Elements of a block, 1 or more.
    scale : PowerOfTwo or Minifloat
        Format of a scale.

    Raises
    ------
    ValueError
        If the block is not positive, or element and scale together have more than 31 significand bits.
    """

    element: Minifloat | Int
    block: int = 32
    scale: PowerOfTwo | Minifloat = E8M0

    def __post_init__(self) -> None:
        if self.block < 1:
            raise ValueError(f"block = {self.block!r} is not allowed: 1 or more")
        bits = self.grid.significand_bits
        if bits > MAX_SIGNIFICAND_BITS:
            raise ValueError(
                f"{self.element.name} scaled by {self.scale.name} is not allowed: {bits} significand bits, "
                f"{MAX_SIGNIFICAND_BITS} at most"
            )

    @property
    def name(self) -> str:
        usual = {MXFP4: "mxfp4", MXINT8: "mxint8", NVFP4: "nvfp4"}
        size = "" if self.block == 32 else f"_b{self.block}"
        scale = "" if self.scale == E8M0 else f"_{self.scale.name}"
        return usual.get(self, f"mx{self.element.name}{size}{scale}")

    @property
    def bits_per_value(self) -> float:
        return self.element.bits + self.scale.bits / self.block

    @property
    def grid(self) -> Grid:
        """Grid of the finite values of the format."""
        return self.element.grid * self.scale.grid

    def encode(self, values: ArrayLike) -> Blocks:
        """Return the codes of values.

        Parameters
        ----------
        values : array of numbers, shape (..., length)
            Taken as float64. The length is a multiple of the block: pad with zeros, which change no scale.

        Raises
        ------
        ValueError
            If the length is not a multiple of the block.
        """
        with np.errstate(invalid="ignore"):  # signalling NaNs
            values = np.asarray(values, dtype=np.float64)
        blocks = self._cut(values)
        amax = np.abs(blocks).max(axis=-1)
        if isinstance(self.scale, PowerOfTwo):
            emax = int(np.frexp(self.element.max)[1]) - 1
            scales = self.scale.encode(np.ldexp(amax, -emax))
        else:
            scales = self.scale.encode(np.where(np.isinf(amax), np.nan, amax) / self.element.max, saturate=True)
        factors = self.scale.decode(scales)[..., None]
        # A quotient in float64 never lands on a halfway point that the exact one misses: elements and scales have so
        # few bits that every halfway point times a scale is a float64, and its neighbours stay off it when divided.
        usable = np.isfinite(factors) & (factors != 0)
        quotients = np.divide(blocks, factors, out=np.copysign(0.0, blocks), where=usable)
        quotients[np.isnan(factors[..., 0])] = 0.0
        return Blocks(scales, self.element.encode(quotients, saturate=True).reshape(values.shape))

    def decode(self, blocks: Blocks) -> np.ndarray:
        """Return the values of blocks, float64, exact, in the shape of their elements.

        Raises
        ------
        ValueError
            If the length is not a multiple of the block, or the scales do not fit the elements.
        """
        scales, elements = np.asarray(blocks.scales), np.asarray(blocks.elements)
        cut = self._cut(self.element.decode(elements))
        if scales.shape != cut.shape[:-1]:
            raise ValueError(f"{self.name}: scales have shape {scales.shape}, elements need {cut.shape[:-1]}")
        with np.errstate(invalid="ignore"):
            return (cut * self.scale.decode(scales)[..., None]).reshape(elements.shape)

    def dot(self, a: Blocks, b: Blocks, *, other: "Microscaling | None" = None, out: ScalarFormat) -> np.ndarray:
        """Return the codes of the dot products along the last axis, each the exact sum rounded once to ``out``.

        Parameters
        ----------
        a, b : Blocks
            Blocks of this format and of ``other`` (default: this one); leading axes broadcast.
        out : ScalarFormat
            Format of the result.
        """
        other = other or self
        return out.encode(fixed_point.dot(self.decode(a), self.grid, other.decode(b), other.grid))

    def _cut(self, values: np.ndarray) -> np.ndarray:
        """Return values with their last axis cut into blocks."""
        length = values.shape[-1] if values.ndim else 0
        if values.ndim == 0 or length % self.block:
            raise ValueError(f"{self.name}: a last axis of {length} is not a multiple of the block of {self.block}")
        return values.reshape(*values.shape[:-1], length // self.block, self.block)


MXFP4 = Microscaling(E2M1)
MXINT8 = Microscaling(Int(8, fraction_bits=6))
NVFP4 = Microscaling(E2M1, block=16, scale=E4M3)
