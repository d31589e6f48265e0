"""Maps of registers, from which hardware and documentation are made."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Access(enum.Enum):
    """What software may do with a register; a write to one that can only be read is refused."""

    READ = "read"
    READ_WRITE = "read, write"
    COMMAND = "write 1 to act, reads 0"
    CLEAR = "read, write 1 to clear"


@dataclass(frozen=True)
class RegisterEntry:
    """One register of 32 bits."""

    register: enum.IntEnum
    """Name, and offset in bytes."""
    access: Access
    about: str
    bits: int = 32
    """Those above are 0."""
    reset: int | None = 0
    """Content after reset; None if it depends on the configuration."""
    counts: bool = False
    """Counts the cycles of a run in which something happens; the register can only be read."""

    @property
    def member(self) -> str:
        """Name of the register as a member of a component."""
        return self.register.name.lower()


def register_table(entries: Iterable[RegisterEntry]) -> str:
    """Return a map as a Markdown table."""
    lines = ["| offset | name | access | after reset | |", "|---|---|---|---|---|"]
    for entry in entries:
        reset = "configuration" if entry.reset is None else f"0x{entry.reset:X}" if entry.reset > 9 else entry.reset
        name = entry.register.name
        lines.append(f"| 0x{entry.register:02X} | {name} | {entry.access.value} | {reset} | {entry.about} |")
    return "\n".join(lines) + "\n"
