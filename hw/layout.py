"""Layouts of :mod:`tilewright.sim.isa` as hardware sees them."""

from collections.abc import Mapping

from amaranth.hdl import Value
from amaranth.lib import data

from tilewright.sim.isa.fields import Field


def layout_of(fields: Mapping[str, Field]) -> data.StructLayout:
    """Return fields without a gap as a structure."""
    layout = data.StructLayout({name: field.bits for name, field in fields.items()})
    assert all(layout[name].offset == field.begin for name, field in fields.items())
    return layout


def field(words: Value, where: Field) -> Value:
    """Return the bits of a field of some words."""
    return words[where.begin : where.begin + where.bits]


def view(words: Value, fields: Mapping[str, Field]) -> dict[str, Value]:
    """Return all fields of some words, by name."""
    return {name: field(words, where) for name, where in fields.items()}


def mask(fields: Mapping[str, Field]) -> int:
    """Return the bits of words that belong to a field."""
    return sum(where.mask for where in fields.values())
