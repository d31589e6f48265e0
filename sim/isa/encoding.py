"""Commands as 64 bytes, and programs as files of them."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_bytes
from tilewright.sim.config.accelerator import AcceleratorConfig

from .commands import HEAD, Command, CommandOfUnit, Jobs, Product, commands_of
from .fields import WORD_BITS, Field, pack, unpack
from .units import Unit, signal_bits, units_of
from .widths import COMMAND_BYTES


def layout(kind: type, config: AcceleratorConfig | None = None) -> dict[str, Field]:
    """Return the fields of a kind of commands, its opcode included.

    With a configuration, ``wait`` and ``signal`` have the bits of the units that there are, and ``narrow`` is there if
    the array has narrow weights.
    """
    if config is None:
        return _layout(kind, len(Unit), True)
    narrow = config.cim is not None and config.cim.tile.narrow_weights != "none"
    return _layout(kind, signal_bits(config), narrow)


@cache
def _layout(kind: type, units: int, narrow: bool) -> dict[str, Field]:
    fields = {"opcode": HEAD["opcode"], **kind.FIELDS}  # type: ignore[attr-defined]
    if kind is Product and not narrow:
        del fields["narrow"]
    if issubclass(kind, CommandOfUnit):
        fields |= {name: HEAD[name]._replace(bits=units) for name in ("wait", "signal")}
    return fields


def meaning(kind: type, config: AcceleratorConfig) -> int:
    """Return the bits of a kind of commands that may be set: those of its fields, without units that are absent."""
    bits = sum(field.mask for field in layout(kind, config).values())
    if issubclass(kind, CommandOfUnit):
        for unit in set(Unit) - set(units_of(config)):
            for name in ("wait", "signal"):
                bits &= ~(1 << HEAD[name].begin + unit)
    return bits


def encode(config: AcceleratorConfig, command: Command) -> bytes:
    """Return the 64 bytes of a command.

    Raises
    ------
    ValueError
        If a field does not hold its value, names both; or the accelerator has no such unit or no narrow weights.
    """
    if command.OPCODE not in commands_of(config):
        missing = "NPE" if isinstance(command, Jobs) else "CIM array"
        raise ValueError(f"opcode = {command.OPCODE} ({command.OPCODE.name}) is not allowed: there is no {missing}")
    if isinstance(command, Product) and command.narrow and config.cim_array.tile.narrow_weights == "none":
        raise ValueError("narrow = 1 is not allowed: the array has weights of one format")
    values = {"opcode": int(command.OPCODE), **command.to_fields(config.vector.lanes)}
    return pack(layout(type(command), config), values, COMMAND_BYTES)


def decode(config: AcceleratorConfig, data: bytes) -> Command:
    """Return the command of 64 bytes.

    Raises
    ------
    ValueError
        If there is no such operation or unit, or bits are set that no field has.
    """
    known = commands_of(config)
    opcode = unpack(HEAD, data)["opcode"]
    kind = known.get(opcode)
    if kind is None:
        allowed = ", ".join(f"{code} ({known[code].OPCODE.name})" for code in known)
        raise ValueError(f"opcode = {opcode} is not allowed: it must be one of {allowed}")
    fields = layout(kind, config)
    bits = int.from_bytes(data, "little")
    if left := bits & ~meaning(kind, config):
        word = ((left & -left).bit_length() - 1) // WORD_BITS
        found, without = ((value >> WORD_BITS * word) % (1 << WORD_BITS) for value in (bits, left))
        raise ValueError(
            f"word {word} = {found:#010x} is not allowed: {kind.OPCODE.name} has no bits {without:#x} there"
        )
    return kind.from_fields(dict.fromkeys(kind.FIELDS, 0) | unpack(fields, data), config.vector.lanes)


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
