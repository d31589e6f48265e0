"""Widths and binary points of the SIMD MAC, as its modes determine them."""

from dataclasses import dataclass
from functools import cached_property

from tilewright.sim.formats import Minifloat, Mode

FINE_BITS = 4
"""Number of bits of the fine shift: products of 16-bit modes are shifted by less than 16, then placed in the sum 16
bits apart."""
SEGMENT_BITS = 16
"""Length of the longest carry chain of the sum."""
WORDS = 65535
"""Number of words in the longest dot product."""
WIDE_LSB = -56
"""Exponent of the sum's last bit with posit16_1: its smallest product. In bf16 the same bits are worth 2 **
BF16_SUM_LSB and up."""
BF16_LSB = -268
"""Exponent of two of a bf16 product whose exponents are 0."""
DISTANCE_BITS = 7
WIDE_BIAS = 64
"""Constant that is added to the scales of two posit16_1, so that no distance is negative."""
TINY = (Mode.FP4_E2M1, Mode.POSIT4_1)
"""Modes whose products are shifted products of two bits."""
TINY_LANE_BITS = 7
TINY_LSB = -8
TINY_BITS = 20
"""Width of the sum of four products, each up to 2 ** 16 units of ``2 ** TINY_LSB``, with its sign."""


@dataclass(frozen=True)
class Plan:
    """Widths that the parts of a MAC for some modes agree on; the modes have words of one, two or four lanes."""

    modes: tuple[Mode, ...]

    def __post_init__(self) -> None:
        if not self.modes or len(set(self.modes)) < len(self.modes) or not set(self.modes) <= set(Mode):
            listed = ", ".join(getattr(mode, "label", str(mode)) for mode in self.modes)
            raise ValueError(f"modes = {listed or 'none'} is not allowed: it must be modes, each once")

    def those(self, *modes: Mode) -> tuple[Mode, ...]:
        """Return the modes among some that the MAC has."""
        return tuple(mode for mode in modes if mode in self.modes)

    @cached_property
    def wide(self) -> tuple[Mode, ...]:
        """Modes of one lane."""
        return tuple(mode for mode in self.modes if mode.lanes == 1)

    @cached_property
    def halves(self) -> tuple[Mode, ...]:
        """Modes of two lanes."""
        return tuple(mode for mode in self.modes if mode.lanes == 2)

    @cached_property
    def tiny(self) -> tuple[Mode, ...]:
        """Modes of four lanes whose products are not those of the multiplier."""
        return self.those(*TINY)

    @cached_property
    def has_int4(self) -> bool:
        return Mode.INT4 in self.modes

    @cached_property
    def half_bits(self) -> int:
        """Width of a signed significand of two lanes; 0 if there are no such modes."""
        bits = {Mode.POSIT8_0: 7, Mode.FP8_E4M3: 5, Mode.FP8_E5M2: 4, Mode.INT8: 8}
        return max((bits[mode] for mode in self.halves), default=0)

    @cached_property
    def significand_bits(self) -> int:
        """Width of the multiplier: even."""
        bits = [2 * self.half_bits]
        bits += [{Mode.POSIT16_1: 14, Mode.BF16: 10}[mode] for mode in self.wide]
        if self.has_int4:
            bits.append(16)
        return max(bits)

    def scale_offset(self, mode: Mode) -> int:
        """Offset of a scale: a code of two lanes is ``significand * 2 ** (scale - 5)``, its scale the format's own plus
        this offset."""
        return {Mode.FP8_E4M3: -5, Mode.FP8_E5M2: -12, Mode.INT8: 5}.get(mode, 0)

    def _half_scale_range(self, mode: Mode) -> tuple[int, int]:
        offset = self.scale_offset(mode)
        # In two's complement -minpos has one less than minpos.
        low, high = {
            Mode.POSIT8_0: (-7, 6), Mode.FP8_E4M3: (1, 15), Mode.FP8_E5M2: (1, 30), Mode.INT8: (0, 0)
        }[mode]  # fmt: skip
        return low + offset, high + offset

    @cached_property
    def half_scale_bits(self) -> int:
        """Width of a signed scale of two lanes."""
        ends = [end for mode in self.halves for end in self._half_scale_range(mode)]
        return max(((end if end >= 0 else ~end).bit_length() + 1 for end in ends), default=0)

    @cached_property
    def wide_scale_bits(self) -> int:
        """Width of the signed scale of one lane, or of twice the second of two."""
        bits = [{Mode.POSIT16_1: 6, Mode.BF16: 9}[mode] for mode in self.wide]
        if self.halves:
            bits.append(self.half_scale_bits + 1)
        return max(bits, default=0)

    @cached_property
    def scale_bits(self) -> int:
        """Width of an operand's scales."""
        tiny = 4 * TINY_LANE_BITS - self.significand_bits if self.tiny else 0
        return max(self.wide_scale_bits + self.half_scale_bits, tiny)

    @cached_property
    def half_bias(self) -> int:
        """Constant that is added to the scales of two operands, so that no distance is negative."""
        least = -2 * min((self._half_scale_range(mode)[0] for mode in self.halves), default=0)
        most = 2 * max((self._half_scale_range(mode)[1] for mode in self.halves), default=0)
        power = 1 << (least - 1).bit_length() if least > 0 else 0
        # A power of two costs an inverter.
        return power if (power + most).bit_length() == (least + most).bit_length() else least

    @cached_property
    def half_distance_bits(self) -> int:
        most = 2 * max((self._half_scale_range(mode)[1] for mode in self.halves), default=0)
        return (self.half_bias + most).bit_length()

    @cached_property
    def half_lsb(self) -> int:
        """Exponent of the last bit of a sum of two lanes."""
        lsbs = {Mode.POSIT8_0: -12, Mode.FP8_E4M3: -18, Mode.FP8_E5M2: -32, Mode.INT8: 0}
        return min((lsbs[mode] for mode in self.halves), default=0)

    @cached_property
    def half_drop(self) -> int:
        """Number of bits of a shifted product below ``half_lsb``, which are always 0."""
        return self.half_bias + 10 + self.half_lsb

    @cached_property
    def half_product_bits(self) -> int:
        """Width of a signed product in its place."""
        # The largest magnitude is a power of two, or close below it.
        tops = {Mode.POSIT8_0: 12, Mode.FP8_E4M3: 18, Mode.FP8_E5M2: 32, Mode.INT8: 14}
        return max((tops[mode] for mode in self.halves), default=0) - self.half_lsb + 2

    @cached_property
    def lsb(self) -> int:
        """Exponent of two of the sum's last bit in all modes but bf16."""
        if self.wide:
            return WIDE_LSB
        lsbs = [self.half_lsb] if self.halves else []
        lsbs += [TINY_LSB] if self.tiny else []
        lsbs += [0] if self.has_int4 else []
        return min(lsbs)

    @cached_property
    def start(self) -> int:
        """Distance at which a value meets the sum's last bit: distance ``d`` has the weight ``2 ** (d - start +
        lsb)``."""
        # Two posit16_1 have 24 bits behind their points.
        return WIDE_BIAS + 24 + WIDE_LSB if self.wide else 1 << FINE_BITS

    @cached_property
    def half_place(self) -> int:
        """Distance of a sum of two lanes."""
        return self.half_lsb - self.lsb + self.start

    @cached_property
    def int4_place(self) -> int:
        """Distance of a sum of four int4."""
        return -self.lsb + self.start

    @cached_property
    def product_bits(self) -> int:
        """Width of the product, in which the sum of tiny products must fit."""
        return max(2 * self.significand_bits, TINY_BITS + 2 if self.tiny else 0)

    @cached_property
    def tiny_base(self) -> int:
        """First bit of a sum of tiny products in the product, where the multiplier's rows have most room."""
        return min(6, self.product_bits - TINY_BITS)

    @cached_property
    def tiny_place(self) -> int:
        """Distance of a sum of tiny products."""
        return TINY_LSB - self.lsb + self.start - self.tiny_base

    @cached_property
    def growth(self) -> dict[Mode, int]:
        """Exponent of two that bounds a sum of any ``WORDS`` words."""
        tops = {
            Mode.FP4_E2M1: 25, Mode.POSIT4_1: 26, Mode.INT4: 24, Mode.POSIT8_0: 29, Mode.FP8_E4M3: 35,
            Mode.FP8_E5M2: 49, Mode.INT8: 31, Mode.POSIT16_1: 71, Mode.BF16: 71,
        }  # fmt: skip
        return {mode: tops[mode] for mode in self.modes}

    @cached_property
    def width(self) -> int:
        """Number of bits of the sum, a multiple of ``SEGMENT_BITS``; bf16 has its own binary point in it."""
        return -(-(max(self.growth.values()) + 1 - self.lsb) // SEGMENT_BITS) * SEGMENT_BITS

    @cached_property
    def _segments(self) -> dict[Mode, int]:
        """Number of segments of the sum, the lowest ones, that a mode of several lanes needs, or any other: all."""
        count = self.width // SEGMENT_BITS
        return {
            mode: min(count, -(-(top + 1 - self.lsb) // SEGMENT_BITS)) if mode.lanes > 1 else count
            for mode, top in self.growth.items()
        }

    @cached_property
    def narrow_segments(self) -> int:
        """Number of segments of the sum that narrow modes use, such that most segments stand still over all modes."""
        needs = self._segments.values()
        count = self.width // SEGMENT_BITS
        return max(needs, key=lambda limit: (sum(count - limit for need in needs if need <= limit), limit))

    @cached_property
    def narrow(self) -> tuple[Mode, ...]:
        """Modes that leave the segments above ``narrow_segments`` idle."""
        return tuple(mode for mode, need in self._segments.items() if need <= self.narrow_segments)

    @property
    def has_narrow(self) -> bool:
        """Flag: some modes leave segments idle."""
        return self.narrow_segments < self.width // SEGMENT_BITS

    @cached_property
    def has_inf(self) -> bool:
        return any(isinstance(mode.format, Minifloat) and mode.format.has_inf for mode in self.modes)

    @cached_property
    def has_nan(self) -> bool:
        return any(mode.format.nan_code is not None for mode in self.modes)
