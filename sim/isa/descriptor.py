"""A job of the matrix co-processor as it lies in memory: 128 bytes, and what is wrong with them."""

import enum
import struct
from dataclasses import dataclass

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.npe_registers import REGISTER_WORD, ErrorCode
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES, MAX_DIMENSION


class Along(enum.IntEnum):
    """Whether there is a scale or a bias, and whether each row or each column of C has one."""

    NONE = 0
    ROW = 1
    COLUMN = 2


class Activation(enum.IntEnum):
    """The function behind scale, bias and residual."""

    NONE = 0
    RELU = 1
    SILU = 2
    GELU = 3


Problem = tuple[ErrorCode, int]
"""What is wrong, and where: a word of the descriptor."""

# Fields of word 0, from bit 0 up, and their widths.
_FLAGS = {
    "mode": 4,
    "out_format": 4,
    "residual_format": 4,
    "activation": 2,
    "scale": 2,
    "bias": 2,
    "residual": 1,
    "transpose": 1,
    "sum": 1,
    "squares": 1,
    "maximum": 1,
    "reserved": 9,
}
_SIZES = ("m", "n", "k")
_ADDRESSES = ("a", "b", "c", "scale_address", "bias_address", "residual_address", "reductions")
_STRIDES = ("a_stride", "b_stride", "c_stride", "residual_stride")
_WIDTHS = _FLAGS | dict.fromkeys(_SIZES, 32) | dict.fromkeys(_ADDRESSES, 64) | dict.fromkeys(_STRIDES, 32)
_FIRST_SIZE, _FIRST_ADDRESS, _FIRST_STRIDE, _FIRST_UNUSED, _WORDS = 1, 4, 18, 22, DESCRIPTOR_BYTES // 4
_LAYOUT = struct.Struct("<4I7Q4I10I")


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """C = act(scale * (A @ B^T) + bias + residual); the fields are those of the RTL's ``DESCRIPTOR_LAYOUT``.

    Any bits of a descriptor are one of these, those that the co-processor refuses too.
    """

    mode: int
    """Format of A and B: a :class:`Mode`."""
    out_format: int
    """Format of C."""
    residual_format: int = Mode.FP4_E2M1
    activation: int = Activation.NONE
    scale: int = Along.NONE
    bias: int = Along.NONE
    residual: int = 0
    """Add the residual."""
    transpose: int = 0
    """Store C as N x M."""
    sum: int = 0
    """Store the sum of each row of C, before it is rounded to ``out_format``."""
    squares: int = 0
    """Store the sum of squares of each row, likewise."""
    maximum: int = 0
    """Store the largest element of each row, likewise."""
    reserved: int = 0
    m: int
    """Rows of A and of C."""
    n: int
    """Rows of B, columns of C."""
    k: int
    """Columns of A and of B."""
    a: int
    """Byte address, as all that follow."""
    b: int
    c: int
    scale_address: int = 0
    bias_address: int = 0
    residual_address: int = 0
    reductions: int = 0
    a_stride: int
    """Bytes from a row to the next, as all that follow."""
    b_stride: int
    c_stride: int
    residual_stride: int = 0
    unused: tuple[int, ...] = (0,) * (_WORDS - _FIRST_UNUSED)

    @property
    def reduces(self) -> bool:
        """Whether records of reductions are stored."""
        return bool(self.sum or self.squares or self.maximum)

    @property
    def formats(self) -> tuple[Mode, Mode, Mode]:
        """Formats of the operands, of C and of the residual.

        Raises
        ------
        ValueError
            If one of them is none.
        """
        return Mode(self.mode), Mode(self.out_format), Mode(self.residual_format)

    def encode(self) -> bytes:
        """Return the 128 bytes.

        Raises
        ------
        ValueError
            If a field does not fit into its bits.
        """
        if len(self.unused) != _WORDS - _FIRST_UNUSED:
            raise ValueError(f"unused = {self.unused} is not allowed: there must be {_WORDS - _FIRST_UNUSED} words")
        values = {name: getattr(self, name) for name in _WIDTHS}
        values |= {f"word {word}": value for word, value in enumerate(self.unused, _FIRST_UNUSED)}
        for name, value in values.items():
            bits = _WIDTHS.get(name, 32)
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{name} = {value} is not allowed: it must fit into {bits} bits")
        flags, offset = 0, 0
        for name, bits in _FLAGS.items():
            flags |= values.pop(name) << offset
            offset += bits
        return _LAYOUT.pack(flags, *values.values())

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
        flags, *rest = _LAYOUT.unpack(data)
        fields = dict(zip((*_SIZES, *_ADDRESSES, *_STRIDES), rest, strict=False))
        offset = 0
        for name, bits in _FLAGS.items():
            fields[name] = flags >> offset & ((1 << bits) - 1)
            offset += bits
        return cls(**fields, unused=tuple(rest[-(_WORDS - _FIRST_UNUSED) :]))

    def check(self, config: NpeConfig) -> Problem | None:
        """Return why a co-processor refuses the descriptor, or ``None``.

        Fields first, then alignments, then ranges; of several offences of one kind that in the lowest word counts.
        What is off is not looked at.
        """
        return self._bad_field(config) or self._misaligned(config) or self._out_of_range(config)

    def _bad_field(self, config: NpeConfig) -> Problem | None:
        used = [self.mode, self.out_format, *([self.residual_format] if self.residual else [])]
        if not set(used) <= set(config.modes) or 3 in (self.scale, self.bias) or self.reserved:
            return ErrorCode.FIELD, 0
        for word, name in enumerate(_SIZES, _FIRST_SIZE):
            if not 1 <= getattr(self, name) <= MAX_DIMENSION:
                return ErrorCode.FIELD, word
        for word, value in enumerate(self.unused, _FIRST_UNUSED):
            if value:
                return ErrorCode.FIELD, word
        return None

    def _used_addresses(self) -> dict[int, str]:
        """Return the words of addresses that count, and what they are."""
        on = (True, True, True, self.scale, self.bias, self.residual, self.reduces)
        return {
            word: name
            for word, name, used in zip(range(_FIRST_ADDRESS, _FIRST_STRIDE, 2), _ADDRESSES, on, strict=True)
            if used
        }

    def _misaligned(self, config: NpeConfig) -> Problem | None:
        strides = dict(enumerate(_STRIDES[: 4 if self.residual else 3], _FIRST_STRIDE))
        for word, name in (self._used_addresses() | strides).items():
            if getattr(self, name) % (config.record_alignment if name == "reductions" else config.bus_bytes):
                return ErrorCode.ALIGNMENT, word
        return None

    def _out_of_range(self, config: NpeConfig) -> Problem | None:
        for word, name in self._used_addresses().items():
            if getattr(self, name) >> config.address_bits:
                return ErrorCode.RANGE, word
        return None


def check_start(config: NpeConfig, address: int, count: int) -> Problem | None:
    """Return why a start with these registers ends at once, or ``None``: COUNT first, then the descriptors' address."""
    if not 1 <= count <= MAX_DIMENSION:
        return ErrorCode.COUNT, 0
    if address % DESCRIPTOR_BYTES:
        return ErrorCode.ALIGNMENT, REGISTER_WORD
    if address >> config.address_bits:
        return ErrorCode.RANGE, REGISTER_WORD
    return None
