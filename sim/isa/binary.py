"""Programs as bytes, as they lie in memory and in files: one command after the other."""

from collections.abc import Iterable
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.files import read_bytes
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command, commands_of, decode, encode
from tilewright.sim.isa.widths import COMMAND_BYTES


def encode_program(config: AcceleratorConfig, commands: Iterable[Command]) -> bytes:
    """Return the bytes of commands, 64 each.

    Raises
    ------
    ConfigError
        If a field does not hold its value; names the command's number from 0, field and value.
    """
    encoded = []
    for index, command in enumerate(commands):
        try:
            encoded.append(encode(config, command))
        except ValueError as error:
            raise ConfigError(f"command {index}: {error}") from error
    return b"".join(encoded)


def decode_program(config: AcceleratorConfig, data: bytes, *, source: str = "program") -> list[Command]:
    """Return the commands of bytes; ``source`` names these in errors.

    Raises
    ------
    ConfigError
        If there are none, or one is cut short, unknown, or has bits that no field has; names the command's number from
        0, and the word.
    """
    if not data:
        raise ConfigError(f"{source}: there are no commands: it is empty")
    commands = []
    for index, start in enumerate(range(0, len(data), COMMAND_BYTES)):
        piece = data[start : start + COMMAND_BYTES]
        place = f"{source}: command {index}"
        if len(piece) < COMMAND_BYTES:
            raise ConfigError(f"{place}: it is cut short: {len(piece)} bytes of {COMMAND_BYTES}")
        try:
            commands.append(decode(config, piece))
        except ValueError as error:
            word = "" if piece[0] in commands_of(config) else "word 0: "
            raise ConfigError(f"{place}: {word}{error}") from error
    return commands


def read_program(config: AcceleratorConfig, path: Path | str) -> list[Command]:
    """Return the commands of a file.

    Raises
    ------
    ConfigError
        If it cannot be read, and as :func:`decode_program`.
    """
    return decode_program(config, read_bytes(Path(path)), source=str(path))
