"""Tables of what programs are made of, for documentation and command line, read off the definitions themselves."""

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from tilewright.base.tables import markdown_table
from tilewright.sim.isa.commands import (
    COMMANDS,
    AcceleratorError,
    Add,
    Field,
    Load,
    Loop,
    Product,
    Set,
    Store,
    Vector,
    Weights,
    layout,
)
from tilewright.sim.isa.vector_command import Function, Inverse, Reduce, Storage, VectorCommand

_PLANES = {"rows": "Of a plane", "planes": "Of rows"}
_ABOUT: dict[type, dict[str, str]] = {
    Load: _PLANES,
    Weights: _PLANES,
    Store: _PLANES,
    Product: {
        "vectors": "Rows of `a` and `out`; at most the array's accumulators, if `k` is more than the rows of a block",
        "k": "Elements of a vector, rows of the weights",
    },
    Set: {"register": "1 to 8", "value": "What it holds from now on"},
    Add: {"register": "1 to 8", "value": "What is added, modulo 2^64"},
    Loop: {"count": "At least 1"},
}
"""What is said of fields that have no docstring of their own, or one that says less."""


class FieldRow(NamedTuple):
    """One field of a command: where it is and what it means."""

    name: str
    word: str
    bits: str
    about: str


def field_rows(kind: type) -> list[FieldRow]:
    """Return the fields of a kind of commands in the order of their bits, without those of its head."""
    named = sorted(layout(kind).items(), key=lambda item: item[1])
    about = _about(kind)
    return [_row(name, field, about[name]) for name, field in named if name not in ("opcode", "wait", "signal")]


def field_table(kind: type) -> str:
    """Return them as a Markdown table; nothing if there are none."""
    rows = [(f"`{row.name}`", *row[1:]) for row in field_rows(kind)]
    return markdown_table(("field", "word", "bits", "meaning"), rows) if rows else ""


def error_rows() -> list[tuple[int, str, str]]:
    """Return number, name and meaning of each error of a program."""
    about = docstrings(AcceleratorError)
    return [(error.value, error.name, about[error.name]) for error in AcceleratorError if error]


def error_table() -> str:
    """Return them as a Markdown table."""
    return markdown_table(("error", "name", "meaning"), error_rows())


def command_about(kind: type) -> str:
    """Return what a kind of commands does, in a sentence."""
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
    first, last = field.word, field.word + (field.bits - 1) // 32
    low, high = field.shift, field.shift + min(field.bits, 32) - 1
    words = str(first) if first == last else f"{first}, {last}"
    return FieldRow(name, words, str(low) if low == high else f"{high}:{low}", about)


def _about(kind: type) -> dict[str, str]:
    if kind is Vector:
        return _vector_about()
    # What has no docstring means what it does in a load.
    return docstrings(Load) | docstrings(kind) | _ABOUT.get(kind, {})


def _vector_about() -> dict[str, str]:
    own = docstrings(VectorCommand)
    about = {
        "rows": "Of all matrices",
        "columns": "Of all matrices",
        "scale": "FP32; " + own["offset"],
        "offset": "FP32",
        "add_slot": own["add"],
        "multiply_slot": own["multiply"],
        "out_slot": own["out"],
        "mask_base": own["mask_base"],
        "function": _members(Function),
        "reduce": "What is kept of a row: " + _members(Reduce),
        "inverse": "Kept beside it: " + _members(Inverse),
        "b": "There is a B; otherwise 1",
        "c": "There is a C; otherwise 0",
        "write": "There is a D",
        "scatter": own["scatter"],
        "square": own["square"],
        "causal": "Row r has `mask_base + r + 1` columns",
        "add": "There is a term",
        "multiply": "There is a factor",
        "multiply_inverse": own["multiply_inverse"],
        "rotate": "A with the halves of every rotary block exchanged, the new first half negated",
        "rotate_steps": "log2 of the steps, of `lanes` columns, in half a rotary block",
    }
    for name in "abcd":
        about |= {
            f"{name}_address": f"Of {name.upper()}, in units of `lanes` bytes from the start of the scratchpad",
            f"{name}_stride": "From a row to the next, in the same units; 0: one row for all",
            f"{name}_storage": _members(Storage) if name == "a" else own[name],
        }
    return about


def _members(kind: type[IntEnum]) -> str:
    return ", ".join(f"{member.value} {member.name.lower()}" for member in kind)
