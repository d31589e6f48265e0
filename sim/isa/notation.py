"""Notation of the values of commands in the text of a program."""

import re
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple

from tilewright.base.errors import suggest
from tilewright.sim.isa.fields import bits_float, float_bits
from tilewright.sim.isa.units import Units
from tilewright.sim.isa.vector_command import Function, Inverse, Matrix, Reduce, Storage


class Notation(NamedTuple):
    """Text of the values of a type; ``read`` raises a ValueError, with a reason or without."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    form: str
    example: str


def read_integer(text: str) -> int:
    """Return the integer of a text, decimal or hexadecimal.

    Raises
    ------
    ValueError
        If it is none, or negative.
    """
    if not re.fullmatch(r"[0-9]{1,40}|0[xX][0-9a-fA-F]{1,40}", text):
        raise ValueError("it must be an integer from 0 on, decimal or 0x and hexadecimal, of at most 40 digits")
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)


def _read_switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


def _read_units(text: str) -> Units:
    units = Units.NONE
    for name in text.split("+"):
        if name.upper() not in Units.__members__:
            raise ValueError(f"there is no such unit{suggest(name, [unit.lower() for unit in Units.__members__])}")
        units |= Units[name.upper()]
    return units


def _write_units(units: Units) -> str:
    return "+".join(unit.name.lower() for unit in units if unit.name) or "none"


def _read_matrix(text: str) -> Matrix:
    address, *parts = text.split(":")
    values: dict[str, Any] = {"address": read_integer(address)}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and name == "stride":
            found: dict[str, Any] = {"stride": read_integer(value)}
        elif not equals and name.upper() in Storage.__members__:
            found = {"storage": Storage[name.upper()]}
        else:
            storages = [storage.name.lower() for storage in Storage]
            raise ValueError(f"there is no part '{part}'{suggest(part, ['stride=', *storages])}")
        if found.keys() & values.keys():
            raise ValueError(f"'{part}' is there after another")
        values |= found
    return Matrix(**values)


def _write_matrix(matrix: Matrix) -> str:
    stride = f":stride={matrix.stride}" if matrix.stride else ""
    return f"{matrix.address:#x}{stride}:{matrix.storage.name.lower()}"


def _read_number(text: str) -> float:
    if text.startswith("fp32:"):
        bits = read_integer(text.removeprefix("fp32:"))
        if bits >> 32:
            raise ValueError("FP32 has 32 bits")
        return bits_float(bits)
    if text[:2].lower() == "0x":
        raise ValueError(f"bits are written fp32:{text}")
    try:
        return bits_float(float_bits(float(text)))
    except OverflowError:
        raise ValueError("FP32 ends before") from None
    except ValueError:
        raise ValueError("it must be a number, as in 0.125, 1e-6, inf, or bits as in fp32:0x3e000000") from None


def _write_number(value: float) -> str:
    """Return the shortest text that is read as the number's FP32."""
    bits = float_bits(value)
    exact = bits_float(bits)
    for digits in range(1, 18):
        text = f"{exact:.{digits}g}"
        with suppress(OverflowError):  # the largest numbers, rounded up
            if float_bits(float(text)) == bits:
                return text
    return f"fp32:{bits:#010x}"


def _codes(kind: type[IntEnum]) -> Notation:
    def read(text: str) -> int:
        if text.upper() in kind.__members__:
            return kind[text.upper()]
        if not text[:1].isdigit():
            raise ValueError(f"there is no such {kind.__name__.lower()}{suggest(text, names)}")
        number = read_integer(text)
        return kind(number) if number in list(kind) else number

    def write(code: int) -> str:
        return code.name.lower() if isinstance(code, kind) else str(code)

    names = [member.name.lower() for member in kind]
    return Notation(read, write, f"one of {', '.join(names)}", names[-1])


INTEGER = Notation(read_integer, str, "an integer", "16")
SWITCH = Notation(_read_switch, lambda value: str(int(value)), "0 or 1", "1")
NOTATIONS: dict[type, Notation] = {
    int: INTEGER,
    bool: SWITCH,
    float: Notation(_read_number, _write_number, "a number", "0.125"),
    Units: Notation(_read_units, _write_units, "units joined by +", "load+vector"),
    Matrix: Notation(_read_matrix, _write_matrix, "a matrix", "0x100:stride=24:int8"),
    Function: _codes(Function),
    Reduce: _codes(Reduce),
    Inverse: _codes(Inverse),
}
"""Notations by the type of an attribute."""
