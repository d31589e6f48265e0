"""Small binary floating-point formats, IEEE 754's and OCP's."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .format import ScalarFormat, require

FRACTION_BITS = 52
BIAS = 1023  # of float64
ROUNDER = 2.0**52  # at this size a float64's last bit weighs 1: adding it rounds to an integer

Specials = Literal["ieee", "fn", "none"]
OCP_SPECIALS: dict[tuple[int, int], Specials] = {(2, 1): "none", (2, 3): "none", (3, 2): "none", (4, 3): "fn"}
"""Meaning of the codes with the highest exponent in the formats of OCP, by exponent and mantissa bits, where IEEE 754's
differs."""


@dataclass(frozen=True)
class Minifloat(ScalarFormat):
    """A binary floating-point format with sign, subnormals and bias 2**(exponent_bits - 1) - 1.

    Rounds to nearest, ties to even. NaN becomes ``nan_code`` whatever its sign, or +max in a format without one, as
    NVIDIA's PTX instruction ``cvt.satfinite`` has it.

    Parameters
    ----------
    exponent_bits : int
        2 to 8.
    mantissa_bits : int
        1 to 23.
    specials : {"ieee", "fn", "none"}
        Meaning of the codes with the highest exponent. "ieee": infinities and NaNs. "fn": all ones is NaN, the rest are
        finite (E4M3 of OCP FP8). "none": all are finite (FP4 and FP6 of OCP MX).
    saturate : bool
        Whether :meth:`encode`, unless told otherwise, turns what is too large into the largest finite value (OCP's
        saturating conversion, usual below 16 bits) instead of an infinity or, for want of one, NaN. "none" always
        saturates.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    exponent_bits: int
    mantissa_bits: int
    specials: Specials = "ieee"
    saturate: bool = True

    def __post_init__(self) -> None:
        require("exponent_bits", self.exponent_bits, 2, 8)
        require("mantissa_bits", self.mantissa_bits, 1, 23)
        if self.specials not in ("ieee", "fn", "none"):
            raise ValueError(f"specials = {self.specials!r} is not allowed: 'ieee', 'fn' or 'none'")

    @property
    def name(self) -> str:
        e, m = self.exponent_bits, self.mantissa_bits
        if self.specials == "ieee" and (e, m) in ((8, 7), (5, 10), (8, 23)):
            return "bf16" if m == 7 else f"fp{self.bits}"
        usual = OCP_SPECIALS.get((e, m), "ieee")
        return f"fp{self.bits}_e{e}m{m}" + ("" if self.specials == usual else f"_{self.specials}")

    @property
    def bits(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def bias(self) -> int:
        """Constant that is added to an exponent to give its code."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def emin(self) -> int:
        """Exponent of the smallest normal value, and of the subnormal values."""
        return 1 - self.bias

    @property
    def emax(self) -> int:
        """Exponent of the largest finite value."""
        return self.bias + (self.specials != "ieee")

    @property
    def max_code(self) -> int:
        """Code of ``max``."""
        ones = (1 << (self.bits - 1)) - 1
        return {"ieee": ones - (1 << self.mantissa_bits), "fn": ones - 1, "none": ones}[self.specials]

    @property
    def max(self) -> float:
        # The significand of all ones, but for E4M3's like, where that is the NaN.
        m = self.mantissa_bits
        return (2 ** (m + 1) - 1 - (self.specials == "fn")) * 2.0 ** (self.emax - m)

    @property
    def min(self) -> float:
        return 2.0 ** (self.emin - self.mantissa_bits)

    @property
    def significand_bits(self) -> int:
        return self.mantissa_bits + 1

    @property
    def nan_code(self) -> int | None:
        quiet = self.max_code + 1 + (1 << (self.mantissa_bits - 1))
        return {"ieee": quiet, "fn": self.max_code + 1, "none": None}[self.specials]

    @property
    def has_inf(self) -> bool:
        return self.specials == "ieee"

    def _decode(self, codes: np.ndarray) -> np.ndarray:
        m = self.mantissa_bits
        magnitude = codes & ((1 << (self.bits - 1)) - 1)
        field = magnitude >> m
        significand = (magnitude & ((1 << m) - 1)) + (np.minimum(field, 1) << m)
        values = np.ldexp(significand.astype(np.float64), np.maximum(field, 1) - (self.bias + m))
        values[magnitude > self.max_code] = np.nan
        if self.has_inf:
            values[magnitude == self.max_code + 1] = np.inf
        return np.where(codes >> (self.bits - 1) != 0, -values, values)

    def _encode(self, values: np.ndarray, saturate: bool | None) -> np.ndarray:
        m = self.mantissa_bits
        # Anything above max rounds alike from twice its power of two on.
        magnitude = np.minimum(np.abs(values), 2.0 ** (self.emax + 1))
        # Below emin the exponent stands still: that is what makes subnormals.
        exponent = np.maximum(magnitude.view(np.int64) >> FRACTION_BITS, self.emin + BIAS)
        to_integer = ((m + 2 * BIAS - exponent) << FRACTION_BITS).view(np.float64)
        significand = (magnitude * to_integer + ROUNDER).view(np.int64) - np.float64(ROUNDER).view(np.int64)
        # The hidden bit adds the one that makes the exponent's code, and so does a carry.
        code = ((exponent - (self.emin + BIAS)) << m) + significand
        if self.specials == "none" or (self.saturate if saturate is None else saturate):
            np.minimum(code, self.max_code, out=code)
        else:
            # The code behind the largest finite one is infinity, or E4M3's NaN.
            np.minimum(code, self.max_code + 1, out=code)
        code |= (values.view(np.int64) >> 63) & (1 << (self.bits - 1))
        code[np.isnan(values)] = self.max_code if self.nan_code is None else self.nan_code
        return code


def parse_minifloat(name: str) -> Minifloat | None:
    """Return the minifloat of a name: ``fp<e>m<m>``, or what :attr:`Minifloat.name` gives; None for any other name.

    ``fp<e>m<m>`` is the format of OCP with these widths, or else IEEE 754's; ``_ieee``, ``_fn`` or ``_none`` after
    either name says what the highest exponent means. Formats below 16 bits saturate, others do not.

    Raises
    ------
    ValueError
        If a width is out of range, or the widths do not add up to the bits.
    """
    if usual := {"bf16": (8, 7), "fp16": (5, 10), "fp32": (8, 23)}.get(name):
        return Minifloat(*usual, saturate=False)
    found = re.fullmatch(r"fp(?:(\d{1,2})_e)?(\d{1,2})m(\d{1,2})(?:_(ieee|fn|none))?", name, re.ASCII)
    if not found:
        return None
    bits, e, m = int(found[1] or 0), int(found[2]), int(found[3])
    specials = found[4] or OCP_SPECIALS.get((e, m), "ieee")
    format = Minifloat(e, m, specials, saturate=1 + e + m < 16)  # type: ignore[arg-type]
    if bits not in (0, format.bits):
        raise ValueError(f"bits = {bits} is not allowed: sign, {e} and {m} bits are {format.bits}")
    return format


def usual_name(name: str) -> str:
    """Return the name under which tables have a format: ``fp8_e4m3`` for ``fp4m3``; any other name as it is."""
    try:
        format = parse_minifloat(name)
    except ValueError:
        return name
    return format.name if format else name


E2M1 = Minifloat(2, 1, "none")
E2M3 = Minifloat(2, 3, "none")
E3M2 = Minifloat(3, 2, "none")
E4M3 = Minifloat(4, 3, "fn")
E5M2 = Minifloat(5, 2)
BF16 = Minifloat(8, 7, saturate=False)
FP16 = Minifloat(5, 10, saturate=False)
FP32 = Minifloat(8, 23, saturate=False)
