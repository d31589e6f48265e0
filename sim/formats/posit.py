"""Posits of any size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .format import ScalarFormat, require

FRACTION_BITS = 52
ONE = 1023 << FRACTION_BITS  # the bits of float64 1.0


@dataclass(frozen=True)
class Posit(ScalarFormat):
    """A posit: sign, run-length coded regime, ``es`` exponent bits, fraction; negative codes in two's complement.

    A code without its sign is a run of k + 1 ones and a zero (k >= 0), or -k zeros and a one (k < 0), then exponent e
    and fraction f as far as there is room, zeros beyond: the value is 2**(k * 2**es + e) * (1 + f). Codes 0 and
    10...0 are zero and NaR.

    Rounding is on the string of bits: halfway between neighbours u and w lies the posit of one bit more whose code is
    u's with a 1 behind it. Ties go to the even code. What is not zero becomes neither zero nor NaR: it saturates at
    ``min`` and ``max``. Infinities and NaN become NaR. (Gustafson and Yonemoto, "Beating Floating Point at its Own
    Game", 2017; Posit Standard 2022, which keeps es = 2 only.)

    Parameters
    ----------
    n : int
        Width of a code, 3 to 32.
    es : int
        Exponent bits, 0 to 4.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    n: int
    es: int

    def __post_init__(self) -> None:
        require("n", self.n, 3, 32)
        require("es", self.es, 0, 4)

    @property
    def name(self) -> str:
        return f"posit{self.n}_{self.es}"

    @property
    def bits(self) -> int:
        return self.n

    @property
    def max(self) -> float:
        return 2.0 ** ((self.n - 2) << self.es)

    @property
    def min(self) -> float:
        return 1 / self.max

    @property
    def significand_bits(self) -> int:
        # Sign and the shortest regime take three bits.
        return max(self.n - 3 - self.es, 0) + 1

    @property
    def nan_code(self) -> int:
        return 1 << (self.n - 1)

    def aligned(self, codes: ArrayLike, bits: int) -> np.ndarray:
        """Return codes as codes of the posit of ``bits`` bits with the same ``es``, which have the same values.

        A posit keeps its value, NaR too, if zeros are added after its last bit.

        Raises
        ------
        ValueError
            If the posit would have fewer bits.
        """
        require("bits", bits, self.n, 32)
        wide = Posit(bits, self.es)
        return ((np.asarray(codes).astype(np.int64) << (bits - self.n)) & ((1 << bits) - 1)).astype(wide.code_dtype)

    def _decode(self, codes: np.ndarray) -> np.ndarray:
        sign = self.nan_code
        body_bits = self.n - 1
        mask = (1 << body_bits) - 1
        negative = codes & sign != 0
        body = np.where(negative, -codes, codes) & mask
        ones = body >> (body_bits - 1) != 0
        # The run ends at the highest zero of ones, or one of zeros; frexp gives its place.
        ending = np.where(ones, ~body & mask, body)
        run = body_bits - np.frexp(ending.astype(np.float64))[1].astype(np.int64)
        regime = np.where(ones, run - 1, -run)
        # Exponent and fraction, moved up to the body's left edge; then the exponent out of it.
        rest = ((body << (run + 1)) & mask) << self.es
        exponent = (regime << self.es) + (rest >> body_bits)
        values = np.ldexp(((rest & mask) + (1 << body_bits)).astype(np.float64), exponent - body_bits)
        values = np.where(negative, -values, values)
        values[codes == 0] = 0.0
        values[codes == sign] = np.nan
        return values

    def _encode(self, values: np.ndarray, saturate: bool | None) -> np.ndarray:
        # Between min and max each step below stays in range, and rounding reaches neither zero nor NaR.
        magnitude = np.clip(np.abs(values), self.min, self.max)
        # A float64 without its bias is exponent and fraction in one integer; cut es + 52 bits below the regime.
        scaled = magnitude.view(np.int64) - ONE
        low_bits = FRACTION_BITS + self.es
        regime = scaled >> low_bits
        # The regime's last two bits, 10 or 01, and what follows; an arithmetic shift repeats the first of them.
        string = (scaled & ((1 << low_bits) - 1)) + (np.where(regime < 0, 1, -2) << low_bits)
        shift = (regime ^ (regime >> 63)) + (low_bits + 3 - self.n)
        # Round to nearest even where the string is cut: add a half, or a bit less if the last bit is even.
        string += ((np.int64(1) << (shift - 1)) - 1) + ((string >> shift) & 1)
        code = (string >> shift) & (self.nan_code - 1)
        # Two's complement of the negative ones: -1 flips all bits and adds one.
        negative = values.view(np.int64) >> 63
        code = ((code ^ negative) - negative) & ((1 << self.n) - 1)
        code[values == 0] = 0
        code[~np.isfinite(values)] = self.nan_code
        return code
