"""Registers of 32 bits: offset, access and meaning, from which hardware and documentation are made."""

import enum
from collections.abc import Iterable
from typing import Self

from tilewright.base.tables import markdown_table


class Access(enum.Enum):
    """Accesses that software may make; a write to a read-only register is refused."""

    READ = "read"
    READ_WRITE = "read, write"
    COMMAND = "write 1 to act, reads 0"
    CLEAR = "read, write 1 to clear"


class MappedRegister(enum.IntEnum):
    """Registers of 32 bits on an AXI4-Lite port; a member is its byte offset, and :func:`register` makes its value."""

    access: Access
    meaning: str
    bits: int
    """Number of bits that exist; the bits above them are 0."""
    reset: int | None
    """Content after reset; None if the content depends on the configuration."""
    counts: bool
    """Whether the register counts the cycles of a run in which something happens."""

    def __new__(cls, offset: int, access: Access, meaning: str, bits: int, reset: int | None, counts: bool) -> Self:
        member = int.__new__(cls, offset)
        member._value_ = offset
        member.access, member.meaning, member.bits, member.reset, member.counts = access, meaning, bits, reset, counts
        return member

    @property
    def member(self) -> str:
        """Name of the register as a member of a component."""
        return self.name.lower()


def register(
    offset: int, access: Access, meaning: str, *, bits: int = 32, reset: int | None = 0, counts: bool = False
) -> tuple[int, Access, str, int, int | None, bool]:
    """Return the value of a member of :class:`MappedRegister`."""
    return offset, access, meaning, bits, reset, counts


def counter(offset: int, meaning: str) -> tuple[int, Access, str, int, int | None, bool]:
    """Return the value of a register that counts cycles or events of a run."""
    return register(offset, Access.READ, meaning, counts=True)


def register_table(registers: Iterable[MappedRegister]) -> str:
    """Return registers as a Markdown table."""
    rows = []
    for entry in registers:
        reset = "configuration" if entry.reset is None else f"0x{entry.reset:X}" if entry.reset > 9 else entry.reset
        rows.append((f"0x{entry:02X}", entry.name, entry.access.value, reset, entry.meaning))
    return markdown_table(("offset", "name", "access", "after reset", ""), rows)
