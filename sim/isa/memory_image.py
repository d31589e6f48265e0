"""Memory before a start, with a program and other files in it, as software would put them there."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.reading import BYTE_ORDER_MARKS, TooLargeError, decode_text, read_bytes
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.widths import COMMAND_BYTES, PAGE_BYTES

from .assembler import assemble
from .encoding import encode_program

MOST_BYTES = 1 << 30
"""Size of the largest memory."""


@dataclass(frozen=True)
class Image:
    """A file whose bytes lie in memory."""

    path: Path
    address: int = 0

    @classmethod
    def parse(cls, text: str) -> "Image":
        """Return the image of ``FILE`` or ``FILE@ADDRESS``, the latter decimal or ``0x`` and hexadecimal.

        Raises
        ------
        ValueError
            If the address is none.
        """
        path, at, address = text.rpartition("@")
        if not at:
            return cls(Path(text))
        try:
            return cls(Path(path), parse_address(address))
        except ValueError as error:
            raise ValueError(f"behind the last @ {error}") from error


def parse_address(text: str) -> int:
    """Return a number that is decimal, or ``0x`` and hexadecimal.

    Raises
    ------
    ValueError
        If it is none, or negative.
    """
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise ValueError("there must be a number of bytes, such as 4096 or 0x1000")
    return value


def read_commands(config: AcceleratorConfig, path: Path) -> bytes:
    """Return the bytes of a program's file, text or bytes: those of commands have zeros, and text has none.

    Bytes may be any commands, also such as the accelerator refuses.

    Raises
    ------
    ConfigError
        If it cannot be read, text is no program, or bytes are no whole commands.
    """
    data = read_bytes(path)
    if 0 not in data or data.startswith(BYTE_ORDER_MARKS):
        data = encode_program(config, assemble(config, decode_text(path, data), source=str(path)))
    if not data:
        raise ConfigError(f"{path}: there are no commands: it is empty")
    if len(data) % COMMAND_BYTES:
        raise ConfigError(f"{path}: size = {len(data)} bytes is not allowed: it must be a multiple of {COMMAND_BYTES}")
    return data


def fill_memory(config: AcceleratorConfig, size: int, images: Iterable[Image]) -> np.ndarray:
    """Return memory, uint8, zeros but for some images, later ones over earlier ones.

    Raises
    ------
    ConfigError
        If there cannot be a memory of that size, or an image cannot be read or does not fit.
    """
    most = min(MOST_BYTES, 1 << config.address_bits)
    if size % PAGE_BYTES or not 0 < size <= most:
        raise ConfigError(
            f"--memory-bytes = {size} is not allowed: it must be a multiple of {PAGE_BYTES}, at most {most}"
        )
    memory = np.zeros(size, np.uint8)
    for image in images:
        try:
            data = np.frombuffer(read_bytes(image.path, max(0, size - image.address)), np.uint8)
        except TooLargeError as error:
            raise ConfigError(
                f"--memory {image.path}: {error.size} bytes at {image.address:#x} are not allowed: memory has {size} "
                "bytes"
            ) from error
        memory[image.address : image.address + len(data)] = data
    return memory


def place_program(memory: np.ndarray, program: bytes, address: int | None = None) -> int:
    """Write a program into memory; return its address: as given, or the last page from which on memory is empty.

    Raises
    ------
    ConfigError
        If it cannot lie there, or there is no room.
    """
    size = len(program)
    if address is None:
        pages = range((len(memory) - size) // PAGE_BYTES * PAGE_BYTES, -1, -PAGE_BYTES)
        address = next((page for page in pages if not memory[page : page + size].any()), None)
        if address is None:
            raise ConfigError(f"memory has no room for the program: its {size} bytes must be zeros, from a page on")
    elif address % COMMAND_BYTES or address + size > len(memory):
        raise ConfigError(
            f"--address = {address:#x} is not allowed: it must be a multiple of {COMMAND_BYTES}, and the program, of "
            f"{size} bytes, end within memory, of {len(memory)}"
        )
    memory[address : address + size] = np.frombuffer(program, np.uint8)
    return address
