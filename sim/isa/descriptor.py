"""A job of the NPE as it lies in memory, a descriptor of 128 bytes, and the rules that make one invalid."""

import enum
from dataclasses import dataclass
from typing import Annotated

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, Mode, ResultFormat, SumFormat, result_format

from .fields import WORD_BITS, Field, Layout, pack, unpack
from .npe_registers import REGISTER_WORD, NpeError
from .widths import DESCRIPTOR_BYTES, MAX_DIMENSION


class Along(enum.IntEnum):
    """Whether there is a scale or a bias, and whether each row or each column of C has one."""

    NONE = 0
    ROW = 1
    COLUMN = 2


class Activation(enum.IntEnum):
    """The function after scale, bias and residual."""

    NONE = 0
    RELU = 1
    SILU = 2
    GELU = 3


Problem = tuple[NpeError, int]
"""Why a descriptor is refused, and the number of the word at fault."""

SIZES = ("m", "n", "k")
ADDRESSES = ("a", "b", "c", "scale_address", "bias_address", "residual_address", "reductions")
STRIDES = ("a_stride", "b_stride", "c_stride", "residual_stride")


@dataclass(frozen=True, kw_only=True)
class Descriptor(Layout):
    """C = act(scale * (A @ B^T) + bias + residual).

    Any bits of a descriptor are one of these, and so are those that the NPE refuses.
    """

    mode: Annotated[int, Field(0, 0, 4)]
    """Number of the format of A and B."""
    out_format: Annotated[int, Field(0, 4, 4)]
    """Number of the format of C: that of a mode, 9 for FP32, or 10 for the exact sums in INT32, without an epilogue."""
    residual_format: Annotated[int, Field(0, 8, 4)] = Mode.FP4_E2M1
    """Number of the format of the residual."""
    activation: Annotated[int, Field(0, 12, 2)] = Activation.NONE
    """Function after scale, bias and residual: 0 none, 1 ReLU, 2 SiLU, 3 GELU."""
    scale: Annotated[int, Field(0, 14, 2)] = Along.NONE
    """Whether sums are scaled: 0 not at all, 1 by a factor of each row, 2 by a factor of each column."""
    bias: Annotated[int, Field(0, 16, 2)] = Along.NONE
    """Whether a bias is added: 0 none, 1 one of each row, 2 one of each column."""
    residual: Annotated[int, Field(0, 18, 1)] = 0
    """Whether the residual is added."""
    transpose: Annotated[int, Field(0, 19, 1)] = 0
    """Whether C is stored as N x M."""
    sum: Annotated[int, Field(0, 20, 1)] = 0
    """Whether the sum of each row of C is stored, before C is rounded to its format."""
    squares: Annotated[int, Field(0, 21, 1)] = 0
    """Whether the sum of squares of each row of C is stored, before rounding."""
    maximum: Annotated[int, Field(0, 22, 1)] = 0
    """Whether the largest element of each row of C is stored, before rounding."""
    reserved: Annotated[int, Field(0, 23, 9)] = 0
    """Bits without a meaning, which must be 0."""
    m: Annotated[int, Field(1, 0, 32)]
    """Rows of A and of C, 1 to 65,535."""
    n: Annotated[int, Field(2, 0, 32)]
    """Rows of B and columns of C, 1 to 65,535."""
    k: Annotated[int, Field(3, 0, 32)]
    """Columns of A and of B, 1 to 65,535."""
    a: Annotated[int, Field(4, 0, 64)]
    """Address of A in bytes; addresses and strides are multiples of a beat."""
    b: Annotated[int, Field(6, 0, 64)]
    """Address of B in bytes."""
    c: Annotated[int, Field(8, 0, 64)]
    """Address of C in bytes."""
    scale_address: Annotated[int, Field(10, 0, 64)] = 0
    """Address of the scales in bytes."""
    bias_address: Annotated[int, Field(12, 0, 64)] = 0
    """Address of the biases in bytes."""
    residual_address: Annotated[int, Field(14, 0, 64)] = 0
    """Address of the residual in bytes."""
    reductions: Annotated[int, Field(16, 0, 64)] = 0
    """Address of the reductions in bytes, a multiple of a beat and of 16."""
    a_stride: Annotated[int, Field(18, 0, 32)]
    """Bytes from a row of A to the next."""
    b_stride: Annotated[int, Field(19, 0, 32)]
    """Bytes from a row of B to the next."""
    c_stride: Annotated[int, Field(20, 0, 32)]
    """Bytes from a row of C, as it is stored, to the next."""
    residual_stride: Annotated[int, Field(21, 0, 32)] = 0
    """Bytes from a row of the residual to the next."""
    unused: Annotated[int, Field(22, 0, 320)] = 0
    """Bits without a meaning, which must be 0."""

    @property
    def reduces(self) -> bool:
        """Whether records of reductions are stored."""
        return bool(self.sum or self.squares or self.maximum)

    @property
    def plain(self) -> bool:
        """Whether C is nothing but the sums: every part of the epilogue is off."""
        return not (self.scale or self.bias or self.residual or self.activation or self.reduces)

    @property
    def formats(self) -> tuple[Mode, ResultFormat, Mode]:
        """Formats of the operands, of C and of the residual.

        Raises
        ------
        ValueError
            If one of them is none.
        """
        return Mode(self.mode), result_format(self.out_format), Mode(self.residual_format)

    def encode(self) -> bytes:
        """Return the 128 bytes.

        Raises
        ------
        ValueError
            If a field does not fit into its bits.
        """
        return pack(self.FIELDS, vars(self), DESCRIPTOR_BYTES)

    @classmethod
    def decode(cls, data: bytes) -> "Descriptor":
        """Return the descriptor that 128 bytes are; any are one.

        Raises
        ------
        ValueError
            If there are not 128.
        """
        if len(data) != DESCRIPTOR_BYTES:
            raise ValueError(f"data = {len(data)} bytes is not allowed: a descriptor has {DESCRIPTOR_BYTES}")
        return cls(**unpack(cls.FIELDS, data))

    def check(self, config: NpeConfig) -> Problem | None:
        """Return the reason why an NPE refuses the descriptor, or ``None``.

        Fields first, then alignments, then ranges; of several offences of one kind that in the lowest word counts.
        Parts that are off are not checked.
        """
        return self._bad_field(config) or self._misaligned(config) or self._out_of_range(config)

    def _bad_field(self, config: NpeConfig) -> Problem | None:
        used = [self.mode, *([self.residual_format] if self.residual else [])]
        if not set(used) <= set(config.modes) or 3 in (self.scale, self.bias) or self.reserved:
            return NpeError.FIELD, 0
        results = [*config.modes, SumFormat.FP32]
        if self.mode in INTEGER_MODES and self.plain:
            results.append(SumFormat.INT32)
        if self.out_format not in results:
            return NpeError.FIELD, 0
        for name in SIZES:
            if not 1 <= getattr(self, name) <= MAX_DIMENSION:
                return NpeError.FIELD, self.FIELDS[name].word
        if self.unused:
            lowest_bit = (self.unused & -self.unused).bit_length() - 1
            return NpeError.FIELD, self.FIELDS["unused"].word + lowest_bit // WORD_BITS
        return None

    def _used_addresses(self) -> dict[str, int]:
        """Return the addresses that count, and their words."""
        on = (True, True, True, self.scale, self.bias, self.residual, self.reduces)
        return {name: self.FIELDS[name].word for name, used in zip(ADDRESSES, on, strict=True) if used}

    def _misaligned(self, config: NpeConfig) -> Problem | None:
        strides = {name: self.FIELDS[name].word for name in STRIDES if self.residual or name != "residual_stride"}
        for name, word in (self._used_addresses() | strides).items():
            if getattr(self, name) % (config.record_alignment if name == "reductions" else config.bus_bytes):
                return NpeError.ALIGNMENT, word
        return None

    def _out_of_range(self, config: NpeConfig) -> Problem | None:
        for name, word in self._used_addresses().items():
            if getattr(self, name) >> config.address_bits:
                return NpeError.RANGE, word
        return None


def check_start(config: NpeConfig, address: int, count: int) -> Problem | None:
    """Return why a start with these registers ends at once, or ``None``: COUNT first, then the descriptors' address."""
    if not 1 <= count <= MAX_DIMENSION:
        return NpeError.COUNT, 0
    if address % DESCRIPTOR_BYTES:
        return NpeError.ALIGNMENT, REGISTER_WORD
    if address >> config.address_bits:
        return NpeError.RANGE, REGISTER_WORD
    return None
