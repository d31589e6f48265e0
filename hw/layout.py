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


def field_of(words: Value, field: Field) -> Value:
    """Return the bits of a field of some words."""
    return words[field.begin : field.begin + field.bits]
