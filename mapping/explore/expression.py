"""Expressions of whole numbers over fields of a system, such as ``cim.tile.grid_columns * 128``."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.text import shortened

MOST_CHARACTERS = 500
MOST_BITS = 62
"""Number of bits of the largest magnitude that an expression may have on its way."""
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {"min": np.minimum, "max": np.maximum}
ALLOWED = "whole numbers, fields, parentheses, + - * // %, min() and max()"


@dataclass(frozen=True)
class Expression:
    """A formula over the fields of a system."""

    text: str
    """Formula as it was written."""
    names: tuple[str, ...]
    """Dotted paths of the fields that it reads."""
    _tree: ast.expr

    @classmethod
    def of(cls, text: str) -> "Expression":
        """Return the expression that a text is.

        Raises
        ------
        ValueError
            If it is none; the message says what is allowed.
        """
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"it has {len(text):,} characters, and may have {MOST_CHARACTERS}")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            names = dict.fromkeys(_names(tree))
        except (SyntaxError, RecursionError, MemoryError):
            raise ValueError(f"it must be a formula of {ALLOWED}") from None
        return cls(text, tuple(names), tree)

    def value(self, fields: Mapping[str, Any]) -> Any:
        """Return the values of the expression: an array if a field is one.

        Raises
        ------
        ConfigError
            If a field is no whole number, a divisor is zero, or a number is too large.
        """
        return _value(self._tree, fields, self.text)


def _names(node: ast.expr) -> list[str]:
    """Return the fields that a formula reads; refuse everything that is none."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool) and value.bit_length() <= MOST_BITS:
            return []
        case ast.Name() | ast.Attribute():
            if path := _path(node):
                return [path]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _names(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _names(left) + _names(right)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
            return [each for argument in arguments for each in _names(argument)]
    raise ValueError(f"{shortened(ast.unparse(node))!r} is no part of a formula: {ALLOWED}")


def _path(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            return f"{before}.{name}" if (before := _path(inner)) else None
    return None


def _value(node: ast.expr, fields: Mapping[str, Any], text: str) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(operand=operand):
            return -_value(operand, fields, text)
        case ast.BinOp(left=left, op=op, right=right):
            one, two = _value(left, fields, text), _value(right, fields, text)
            if isinstance(op, ast.FloorDiv | ast.Mod) and not np.all(two):
                raise ConfigError(f"'{text}' is not allowed: it divides by zero")
            if isinstance(op, ast.Add | ast.Sub | ast.Mult):
                # An overflow of 64 bits would not be seen: magnitudes are checked as floats first.
                sizes = np.abs(np.asarray(one, float)), np.abs(np.asarray(two, float))
                if np.any((np.multiply if isinstance(op, ast.Mult) else np.add)(*sizes) >= float(1 << MOST_BITS)):
                    raise ConfigError(f"'{text}' is not allowed: a number in it has more than {MOST_BITS} bits")
            return _OPERATORS[type(op)](one, two)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return reduce(_FUNCTIONS[name], [_value(each, fields, text) for each in arguments])
    path = _path(node)
    assert path is not None
    value = fields[path]
    if not np.issubdtype(np.asarray(value).dtype, np.integer):
        raise ConfigError(f"'{text}' is not allowed: '{path}' is no whole number")
    return value
