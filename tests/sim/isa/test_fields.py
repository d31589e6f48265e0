"""Layouts of commands and descriptors: each field is said once, and everything else follows from it."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.isa.commands import COMMANDS, Load
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.encoding import layout
from tilewright.sim.isa.fields import Field, Layout, pack, unpack
from tilewright.sim.isa.tables import field_rows
from tilewright.sim.isa.vector_command import Function, Matrix, Reduce, Storage, VectorCommand
from tilewright.sim.isa.widths import COMMAND_BYTES, DESCRIPTOR_BYTES

LAYOUTS = {
    **{kind.__name__: (layout(kind), COMMAND_BYTES) for kind in COMMANDS.values()},
    "Descriptor": (Descriptor.FIELDS, DESCRIPTOR_BYTES),
    "TileCommand": (TileCommand.FIELDS, 16),
    "ArrayCommand": (ArrayCommand.FIELDS, 16),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_fields_lie_side_by_side(name):
    fields, size = LAYOUTS[name]
    taken = 0
    for key, field in fields.items():
        assert not taken & field.mask, f"{key} lies over another field"
        assert field.mask < 1 << 8 * size, f"{key} ends beyond {size} bytes"
        assert field.shift + min(field.bits, 32) <= 32, f"{key} ends beyond its word"
        taken |= field.mask


@pytest.mark.parametrize("name", LAYOUTS)
def test_values_come_back(name):
    fields, size = LAYOUTS[name]
    values = {
        key: 0x5A5A5A5A5A5A5A5A >> index & (1 << field.bits) - 1 for index, (key, field) in enumerate(fields.items())
    }
    assert unpack(fields, pack(fields, values, size)) == values


@dataclass(frozen=True, kw_only=True)
class PaintedLoad(Load):
    """A load with one more field."""

    colour: Annotated[Function, Field(9, 4, 3)] = Function.NONE
    """Colour of the rows."""


def test_a_new_field_needs_one_edit():
    command = PaintedLoad(address=64, beats=2, destination=128, colour=Function.GELU)
    values = command.to_fields()
    assert values["colour"] == 3
    data = pack(PaintedLoad.FIELDS, values, COMMAND_BYTES)
    assert data[36] == 3 << 4
    assert PaintedLoad.from_fields(unpack(PaintedLoad.FIELDS, data)) == command
    assert field_rows(PaintedLoad)[-1] == (
        "colour", "9", "6:4", "Colour of the rows: 0 none, 1 relu, 2 silu, 3 gelu, 4 exp",
    )  # fmt: skip


def test_a_pass_takes_the_fields_of_its_options_and_places():
    command = VectorCommand(
        rows=2, columns=32, a=Matrix(address=5, storage=Storage.INT8), multiply=7, reduce=Reduce.SUM, scale=0.5, rotate=16,
    )  # fmt: skip
    values = command.to_fields(lanes=8)
    on = {name: value for name, value in values.items() if value}
    assert on == {
        "rows": 2, "columns": 32, "a_address": 5, "multiply": 1, "multiply_slot": 7, "reduce": 1, "scale": 0x3F000000,
        "rotate": 1, "rotate_steps": 1,
    }  # fmt: skip
    assert VectorCommand.from_fields(values, lanes=8) == command


def test_the_largest_number_of_rows_is_held_as_0():
    for rows, code in ((1, 1), (4095, 4095), (4096, 0)):
        command = ArrayCommand(rows=rows, columns=1)
        values = command.to_fields()
        assert values["rows"] == code
        assert ArrayCommand.from_fields(values) == command
    with pytest.raises(ValueError, match="rows = 4097 is not allowed: it must fit into 12 bits"):
        pack(ArrayCommand.FIELDS, ArrayCommand(rows=4097, columns=1).to_fields(), 16)


def test_an_attribute_without_a_field_stays_out_of_memory():
    assert "operator" not in Load.CODECS
    assert isinstance(Load.CODECS["rows"].fields("rows")["rows"], Field)
    assert issubclass(Load, Layout)
