"""Checks whether gem5 can run a file: a 64-bit RISC-V program, linked statically. After the ELF-64 object file
format."""

import struct
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_bytes

RISCV = 243
"""Value of ``e_machine`` for RISC-V, EM_RISCV."""
INTERPRETER = 3
"""Value of ``p_type`` for the segment that names a dynamic linker, PT_INTERP."""


def check_program(path: Path) -> None:
    """Refuse a file that gem5 cannot run.

    Raises
    ------
    ConfigError
        If it cannot be read or is not a static 64-bit RISC-V program; says why.
    """
    if why := _why_not(read_bytes(path)):
        raise ConfigError(f"{path}: {why}: it must be a static 64-bit RISC-V program (riscv64-linux-gnu-gcc -static)")


def _why_not(content: bytes) -> str:
    # Magic number, 64 bits, least significant byte first.
    if content[:6] != b"\x7fELF\2\1":
        return "is not a 64-bit ELF file"
    try:
        (machine,) = struct.unpack_from("<H", content, 18)
        (table,) = struct.unpack_from("<Q", content, 32)
        size, number = struct.unpack_from("<HH", content, 54)
        segments = [struct.unpack_from("<I", content, table + index * size)[0] for index in range(number)]
    except struct.error:
        return "is cut off"
    if machine != RISCV:
        return f"is of machine {machine}, not of RISC-V ({RISCV})"
    return "is linked dynamically" if INTERPRETER in segments else ""
