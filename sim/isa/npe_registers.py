"""Registers of the NPE, and the codes in its register ERROR."""

import enum
from collections.abc import Iterable

from tilewright.sim.formats.simd import Mode

from .registers import Access, MappedRegister, counter, register

NPE_ID = 0x54574E50
"""``TWNP``, the content of register ID."""
REGISTER_WORD = 255
"""Detail of an error that lies in register DESCRIPTOR, and not in a word of a descriptor."""


class Register(MappedRegister):
    """Registers of the NPE, without a gap."""

    ID = register(0x00, Access.READ, "`TWNP`", reset=NPE_ID)
    GEOMETRY = register(
        0x04, Access.READ, "rows 7:0, columns 15:8, log2 of the bytes of the bus 19:16", bits=20, reset=None
    )
    MODES = register(0x08, Access.READ, "a bit for each number of a format", reset=None)
    CONTROL = register(0x0C, Access.COMMAND, "start (0), refused while busy; abort (1), nothing if not busy", bits=2)
    STATUS = register(
        0x10, Access.READ, "busy (0), done without error (1), ended by an error (2); start clears 1, 2", bits=3
    )
    IRQ_ENABLE = register(0x14, Access.READ_WRITE, "bit 0 lets IRQ_STATUS out", bits=1)
    IRQ_STATUS = register(0x18, Access.CLEAR, "bit 0: a start has ended", bits=1)
    DESCRIPTOR_LOW = register(0x1C, Access.READ_WRITE, "address of the first descriptor, low half; for start")
    DESCRIPTOR_HIGH = register(0x20, Access.READ_WRITE, "high half; for start")
    COUNT = register(0x24, Access.READ_WRITE, "consecutive descriptors, 1..65535; for start", reset=1)
    COMPLETED = register(0x28, Access.READ, "descriptors done", bits=16)
    ERROR = register(0x2C, Access.READ, "code 7:0, detail 15:8", bits=16)
    CYCLES = counter(0x30, "cycles from start to done")
    BUSY = counter(0x34, "cycles in which the array takes a word")
    STALL_LOAD = counter(0x38, "cycles of a job in which the array waits for operands")
    STALL_STORE = counter(0x3C, "cycles in which the array waits to hand over results")
    READ_BEATS = counter(0x40, "beats read")
    WRITE_BEATS = counter(0x44, "beats written")


def geometry(rows: int, columns: int, bus_bytes: int) -> int:
    """Return the content of register GEOMETRY."""
    return rows | columns << 8 | (bus_bytes.bit_length() - 1) << 16


def mode_mask(modes: Iterable[Mode]) -> int:
    """Return the content of register MODES: bit ``mode`` is set for each format that the array has."""
    return sum(1 << mode for mode in modes)


class NpeError(enum.IntEnum):
    """Code in the register ERROR; its detail is a word of the descriptor (1 to 3) or a :class:`ReadStream` (4, 5)."""

    NONE = 0
    FIELD = 1
    """A field holds a value that is not allowed."""
    ALIGNMENT = 2
    """An address or a stride is misaligned."""
    RANGE = 3
    """An address has more than ``address_bits``."""
    READ_SLVERR = 4
    """Memory answered a read with SLVERR."""
    READ_DECERR = 5
    """Memory answered a read with DECERR."""
    WRITE_SLVERR = 6
    """Memory answered a write with SLVERR."""
    WRITE_DECERR = 7
    """Memory answered a write with DECERR."""
    ABORTED = 8
    """Software wrote abort to CONTROL."""
    COUNT = 9
    """COUNT is 0 or more than 65,535."""


class ReadStream(enum.IntEnum):
    """The data that a read was for."""

    DESCRIPTOR = 0
    A = 1
    B = 2
    SCALE = 3
    BIAS = 4
    RESIDUAL = 5
