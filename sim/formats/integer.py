"""Integers, signed and unsigned, and binary fixed point."""

from dataclasses import dataclass

import numpy as np

from .format import ScalarFormat, require

# At this size a float64's last bit weighs 1, and its low bits are two's complement: adding it rounds to an integer.
ROUNDER = 1.5 * 2.0**52


@dataclass(frozen=True)
class Int(ScalarFormat):
    """Two's complement integers, or those times 2**-fraction_bits.

    Rounds to nearest, ties to even, and saturates, also infinities. NaN becomes 0.

    Parameters
    ----------
    width : int
        Bits of a code, 2 to 32.
    fraction_bits : int
        Bits behind the binary point, 0 to width - 1. INT8 of OCP MX has 6.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    width: int
    fraction_bits: int = 0

    def __post_init__(self) -> None:
        require("width", self.width, 2, 32)
        require("fraction_bits", self.fraction_bits, 0, self.width - 1)

    @property
    def name(self) -> str:
        return f"int{self.width}" + (f"_f{self.fraction_bits}" if self.fraction_bits else "")

    @property
    def bits(self) -> int:
        return self.width

    @property
    def max(self) -> float:
        return -self.lowest - self.min

    @property
    def lowest(self) -> float:
        return -(2.0 ** (self.width - 1 - self.fraction_bits))

    @property
    def min(self) -> float:
        return 2.0**-self.fraction_bits

    @property
    def significand_bits(self) -> int:
        return self.width - 1

    @property
    def nan_code(self) -> None:
        return None

    def _decode(self, codes: np.ndarray) -> np.ndarray:
        sign = 1 << (self.width - 1)
        return ((codes ^ sign) - sign) * self.min

    def _encode(self, values: np.ndarray, saturate: bool | None) -> np.ndarray:
        integers = np.clip(values, self.lowest, self.max) / self.min
        codes = (integers + ROUNDER).view(np.int64) & ((1 << self.width) - 1)
        codes[np.isnan(values)] = 0
        return codes


@dataclass(frozen=True)
class UInt(ScalarFormat):
    """Unsigned integers: rounds to nearest, ties to even, and saturates, also infinities. NaN becomes 0.

    Parameters
    ----------
    width : int
        Bits of a code, 2 to 32.

    Raises
    ------
    ValueError
        If the width is out of range.
    """

    width: int

    def __post_init__(self) -> None:
        require("width", self.width, 2, 32)

    @property
    def name(self) -> str:
        return f"uint{self.width}"

    @property
    def bits(self) -> int:
        return self.width

    @property
    def max(self) -> float:
        return 2.0**self.width - 1

    @property
    def lowest(self) -> float:
        return 0.0

    @property
    def min(self) -> float:
        return 1.0

    @property
    def significand_bits(self) -> int:
        return self.width

    @property
    def nan_code(self) -> None:
        return None

    def _decode(self, codes: np.ndarray) -> np.ndarray:
        return codes.astype(np.float64)

    def _encode(self, values: np.ndarray, saturate: bool | None) -> np.ndarray:
        codes = np.rint(np.clip(values, 0, self.max))
        codes[np.isnan(values)] = 0
        return codes.astype(np.int64)
