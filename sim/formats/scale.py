"""The block scale of OCP Microscaling."""

from dataclasses import dataclass

import numpy as np

from .format import ScalarFormat


@dataclass(frozen=True)
class PowerOfTwo(ScalarFormat):
    """The format E8M0: code c is 2**(c - 127), and 255 is NaN; no sign and no zero (OCP MX v1.0, section 5.4.1).

    Unlike all other formats it rounds down, as the choice of a block's scale wants it, and saturates. Zero and
    negative numbers become ``min``, infinity and NaN become NaN.
    """

    @property
    def name(self) -> str:
        return "e8m0"

    @property
    def bits(self) -> int:
        return 8

    @property
    def max(self) -> float:
        return 2.0**127

    @property
    def lowest(self) -> float:
        return self.min

    @property
    def min(self) -> float:
        return 2.0**-127

    @property
    def significand_bits(self) -> int:
        return 1

    @property
    def nan_code(self) -> int:
        return 255

    def _decode(self, codes: np.ndarray) -> np.ndarray:
        return np.where(codes == self.nan_code, np.nan, np.ldexp(1.0, codes - 127))

    def _encode(self, values: np.ndarray, saturate: bool | None) -> np.ndarray:
        # frexp's significand is in [1/2, 1).
        codes = np.frexp(np.clip(values, self.min, self.max))[1].astype(np.int64) + 126
        codes[~np.isfinite(values)] = self.nan_code
        return codes


E8M0 = PowerOfTwo()
