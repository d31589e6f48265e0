"""Tables of commands, descriptors and errors for documentation and command line, read off their definitions."""

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from tilewright.base.tables import markdown_table

from .commands import COMMANDS, HEAD
from .errors import AcceleratorError
from .fields import WORD_BITS, Embedded, Field, Layout


class FieldRow(NamedTuple):
    """One field of a command: its position and its meaning."""

    name: str
    word: str
    bits: str
    about: str


def field_rows(kind: type[Layout]) -> list[FieldRow]:
    """Return the fields of a layout in the order of their bits, without those of a command's head."""
    about = _meanings(kind)
    return [_row(name, field, about[name]) for name, field in kind.FIELDS.items() if HEAD.get(name) != field]


def field_table(kind: type[Layout]) -> str:
    """Return the fields of a layout as a Markdown table; the text is empty if there are none."""
    rows = [(f"`{row.name}`", *row[1:]) for row in field_rows(kind)]
    return markdown_table(("field", "word", "bits", "meaning"), rows) if rows else ""


def error_rows(kind: type[IntEnum] = AcceleratorError) -> list[tuple[int, str, str]]:
    """Return number, name and meaning of each error of a program, or of another enumeration of errors."""
    about = docstrings(kind)
    return [(error.value, error.name, about[error.name]) for error in kind if error]


def error_table(kind: type[IntEnum] = AcceleratorError) -> str:
    """Return the errors of a program as a Markdown table."""
    return markdown_table(("error", "name", "meaning"), error_rows(kind))


def command_about(kind: type) -> str:
    """Return the purpose of a kind of commands, in a sentence."""
    return _sentence((kind.__doc__ or "").split("\n\n")[0])


def command_table(kind: type) -> str:
    """Return a kind of commands as Markdown: name, opcode, unit, purpose, fields."""
    unit = f", unit {kind.UNIT.name}" if hasattr(kind, "UNIT") else ""
    opcode = kind.OPCODE  # type: ignore[attr-defined]
    table = field_table(kind)
    head = f"### {opcode.name.lower()}\n\nOpcode {int(opcode)}{unit}. {command_about(kind)}.\n"
    return f"{head}\n{table}" if table else head


def program_tables() -> str:
    """Return all kinds of commands as Markdown."""
    return "\n".join(command_table(kind) for kind in COMMANDS.values())


@cache
def docstrings(kind: type) -> dict[str, str]:
    """Return the docstrings below the fields of a class, or members of an enumeration, without the dot at the end.

    Those of fields that it inherits, too. They are read off the source, since Python does not keep them.
    """
    if is_dataclass(kind) and is_dataclass(kind.__base__):
        return docstrings(kind.__base__) | _own_docstrings(kind)
    return _own_docstrings(kind)


def _own_docstrings(kind: type) -> dict[str, str]:
    [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for before, after in zip(body.body, body.body[1:], strict=False):
        match after:
            case ast.Expr(value=ast.Constant(value=str(text))):
                targets = before.targets if isinstance(before, ast.Assign) else [getattr(before, "target", None)]
                found |= {target.id: _sentence(text) for target in targets if isinstance(target, ast.Name)}
    return found


def _sentence(text: str) -> str:
    return " ".join(text.split()).removesuffix(".").replace("``", "`")


def _row(name: str, field: Field, about: str) -> FieldRow:
    first, last = field.word, field.word + (field.bits - 1) // WORD_BITS
    low, high = field.shift, field.shift + min(field.bits, WORD_BITS) - 1
    words = str(first) if first == last else f"{first}, {last}" if last == first + 1 else f"{first} to {last}"
    return FieldRow(name, words, str(low) if low == high else f"{high}:{low}", about)


def _meanings(kind: type[Layout]) -> dict[str, str]:
    """Return the meaning of each field of a layout."""
    about = docstrings(kind)  # type: ignore[arg-type]
    found: dict[str, str] = {}
    for name, codec in kind.CODECS.items():
        found |= _meanings(codec.kind) if isinstance(codec, Embedded) else codec.meanings(name, about[name])
    return found
