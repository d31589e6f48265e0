"""Programs as text, and text as programs.

A line is a command: its name and ``field=value`` pairs, fields named as those of its class in
:mod:`tilewright.sim.isa.commands`; what is left out has the class's default. ``;`` and ``#`` begin comments, blanks
at the start of a line mean nothing. For example::

    .lanes 16                                       ; of the vector unit that the program is for
    set     register=1 value=0x10000
    loop    count=12
      weights register=1 address=0x0 beats=8 rows=48 stride=128
      load    wait=vector signal=array address=0x4000 beats=24 rows=16 stride=384 destination=0x0 pitch=384
      product signal=vector reduce vectors=16 k=384 n=64 a=0x0 a_pitch=384 out=0x10000 out_pitch=256
      vector  wait=array rows=16 columns=64 a=0x1000:stride=16:int32 d=0x2000:stride=4:int8 multiply=0 scale=0.25
    repeat
    end

=============  ========================================================================================================
integers       decimal or ``0x`` and hexadecimal
switches       the field's name alone, or ``=0`` or ``=1``
units          names joined by ``+``: ``wait=load+vector``; ``none``
matrices       ``address:stride=rows:storage`` in units of ``lanes`` bytes; without ``stride`` one row for all rows,
               without storage (``int8``, ``bf16``, ``fp32``, ``int32``) FP32
codes          names of :class:`Function`, :class:`Reduce`, :class:`Inverse`, or numbers
numbers        rounded to FP32: ``0.125``, ``1e-6``, ``inf``, or ``fp32:0x7fc00000`` by its bits
=============  ========================================================================================================
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.commands import COMMANDS, Command, Hexadecimal, Loop, Repeat, Vector
from tilewright.sim.isa.encoding import encode
from tilewright.sim.isa.fields import value_type
from tilewright.sim.isa.vector_command import PassOptions, VectorCommand

from .notation import NOTATIONS, SWITCH, Notation, read_integer

MNEMONICS: dict[str, Any] = {kind.OPCODE.name.lower(): kind for kind in COMMANDS.values()}
"""Commands by their names in the text."""
LANES = ".lanes"
"""Directive that says how many lanes the vector unit has; addresses of its matrices count so many bytes."""


def assemble(config: AcceleratorConfig, text: str, *, source: str = "") -> list[Command]:
    """Return the commands of a text.

    Parameters
    ----------
    config : AcceleratorConfig
        The accelerator they are for.
    text : str
        See the module.
    source : str
        Name of the text, for errors.

    Raises
    ------
    ConfigError
        If a line is no command; names the line, the field, the value and what is allowed.
    """
    commands: list[Command] = []
    for number, words in _lines(text):
        try:
            if words[0].startswith("."):
                lanes = _lanes(words)
                if lanes != config.vector.lanes:
                    raise ValueError(f"{LANES} = {lanes} is not allowed: the vector unit has {config.vector.lanes}")
                continue
            command = _command(words)
            encode(config, command)
        except ValueError as error:
            raise ConfigError(f"{_place(source, number)}: {error}") from error
        commands.append(command)
    return commands


def disassemble(config: AcceleratorConfig, commands: Iterable[Command], *, numbered: bool = False) -> str:
    """Return the text of commands, one a line, those of loops indented.

    What is encoded from it is what is encoded from the commands.

    Parameters
    ----------
    config : AcceleratorConfig
        The accelerator that they are for.
    commands : iterable of Command
    numbered : bool
        Let a comment give the number of each, as register ERROR_INDEX counts.
    """
    lines = [f"{LANES} {config.vector.lanes}"]
    width = max(len(name) for name in MNEMONICS)
    depth = 0
    for index, command in enumerate(commands):
        if isinstance(command, Repeat):
            depth = max(0, depth - 1)
        line = "  " * depth + " ".join([f"{command.OPCODE.name.lower():{width}}", *_pairs(command)]).rstrip()
        lines.append(f"{line}  ; {index}" if numbered else line)
        depth += isinstance(command, Loop)
    return "\n".join(lines) + "\n"


def lanes_of(text: str, *, source: str = "") -> int | None:
    """Return the lanes that a text names, None if it does not.

    Raises
    ------
    ConfigError
        If a directive is none.
    """
    for number, words in _lines(text):
        if words[0].startswith("."):
            try:
                return _lanes(words)
            except ValueError as error:
                raise ConfigError(f"{_place(source, number)}: {error}") from error
    return None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of each line that has any."""
    for number, line in enumerate(text.splitlines(), 1):
        if words := re.split(r"[;#]", line, maxsplit=1)[0].split():
            yield number, words


def _place(source: str, number: int) -> str:
    return f"{source}:{number}" if source else f"line {number}"


def _lanes(words: list[str]) -> int:
    if words[0] != LANES:
        raise ValueError(f"unknown directive '{words[0]}'{suggest(words[0], [LANES])}")
    if len(words) != 2:
        raise ValueError(f"{LANES} takes one number, for example `{LANES} 16`")
    lanes, allowed = read_integer(words[1]), get_args(VectorConfig.model_fields["lanes"].annotation)
    if lanes not in allowed:
        raise ValueError(f"{LANES} = {lanes} is not allowed: it must be one of {', '.join(map(str, allowed))}")
    return lanes


def _command(words: list[str]) -> Command:
    name, *pairs = words
    kind = MNEMONICS.get(name)
    if kind is None:
        raise ValueError(f"unknown command '{name}'{suggest(name, MNEMONICS)}")
    known = _fields(kind)
    values: dict[str, Any] = {}
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if field not in known:
            raise ValueError(f"unknown field '{field}' of {name}{suggest(field, known) if known else ': it has none'}")
        if field in values:
            raise ValueError(f"{field} = {value} is not allowed: {field} is there before")
        notation = known[field].notation
        if not equals and notation is not SWITCH:
            raise ValueError(f"{field} has no value: it must be {notation.form}, as in {field}={notation.example}")
        try:
            values[field] = notation.read(value) if equals else True
        except ValueError as error:
            about = str(error) or f"it must be {notation.form}"
            raise ValueError(f"{field} = {value} is not allowed: {about}") from error
    for field in known:
        if known[field].required and field not in values:
            raise ValueError(f"'{field}' of {name} is missing")
    if kind is not Vector:
        return kind(**values)
    head = {field: values.pop(field) for field in ("wait", "signal") if field in values}
    return Vector(**head, command=VectorCommand(**values))


def _pairs(command: Command) -> Iterator[str]:
    """Yield the text of each field that does not have its default."""
    for name, field in _fields(COMMANDS[command.OPCODE]).items():
        owner = command.command if isinstance(command, Vector) and not hasattr(command, name) else command
        value = getattr(owner, name)
        if not field.required and value == field.default and repr(value) == repr(field.default):  # 0.0 is not -0.0
            continue
        if field.notation is SWITCH and value:
            yield name
        elif field.hexadecimal:
            yield f"{name}={value:#x}"
        else:
            yield f"{name}={field.notation.write(value)}"


class _Field(NamedTuple):
    notation: Notation
    required: bool
    default: Any
    hexadecimal: bool


@cache
def _fields(kind: type) -> dict[str, _Field]:
    """Return the fields of a kind of commands, those of a pass for a command of the vector unit."""
    found = {}
    owners: tuple[Any, ...] = (kind, VectorCommand) if kind is Vector else (kind,)
    for owner in owners:
        hints = get_type_hints(owner, include_extras=True)
        # The places of a pass stand before its options, which its class inherits.
        for each in sorted(fields(owner), key=lambda each: owner is VectorCommand and each.name in PassOptions.CODECS):
            if each.name in owner.CODECS and each.name != "command":
                hint = hints[each.name]
                hexadecimal = any(isinstance(mark, Hexadecimal) for mark in hint.__metadata__)
                found[each.name] = _Field(
                    NOTATIONS[value_type(hint)], each.default is MISSING, each.default, hexadecimal
                )
    return found
