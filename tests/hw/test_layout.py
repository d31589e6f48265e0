"""Hardware's layouts beside those of sim.isa, from which they are made."""

import ast
from pathlib import Path

import pytest
from amaranth.lib import data

from tilewright.hw.cim.command import command_layout as cim_command_layout
from tilewright.hw.layout import layout_of
from tilewright.hw.npe.descriptor import DESCRIPTOR_LAYOUT
from tilewright.hw.vector.command import command_layout
from tilewright.sim.config import MacroConfig, TileConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.isa.commands import COMMANDS
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.fields import Field
from tilewright.sim.isa.vector_command import VectorCommand

TILE = TileConfig(macro=MacroConfig(rows=16, columns=16, weight_bits=8, input_bits=8))
NARROW = TILE.model_copy(update={"narrow_weights": "int4"})
HW = Path(__file__).parents[2] / "hw"


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (cim_command_layout(TileCommand, TILE), TileCommand),
        (cim_command_layout(ArrayCommand, TILE), ArrayCommand),
        (DESCRIPTOR_LAYOUT, Descriptor),
    ],
)
def test_a_structure_has_the_fields_of_its_layout(made, kind):
    places = {name: (field.offset, field.width) for name, field in made}
    assert places == {name: (field.begin, field.bits) for name, field in kind.FIELDS.items()}


def test_a_command_of_the_vector_unit_has_all_fields_of_a_pass():
    made = command_layout(VectorConfig(lanes=8, address_bits=15))
    widths = {name: field.width for name, field in made}
    assert set(widths) == set(VectorCommand.FIELDS)
    narrow = {name for name, width in widths.items() if width != VectorCommand.FIELDS[name].bits}
    assert narrow == {f"{name}_{part}" for name in "abcd" for part in ("address", "stride")}
    assert {widths[name] for name in narrow} == {15, 16}


def test_a_command_of_an_array_is_that_of_a_tile_with_a_mode():
    of_tile, of_array = (cim_command_layout(kind, TILE) for kind in (TileCommand, ArrayCommand))
    assert of_array.size == of_tile.size
    for name, field in of_tile:
        assert of_array[name].offset == field.offset
    assert of_array["reduce"].offset == of_array["slot"].offset + 15


@pytest.mark.parametrize("kind", [TileCommand, ArrayCommand])
def test_a_tile_with_narrow_weights_finds_their_flag_on_top_of_the_address(kind):
    plain, narrow = (cim_command_layout(kind, tile) for tile in (TILE, NARROW))
    assert narrow.size == plain.size
    assert narrow["narrow"].offset == plain["weight_address"].offset + 31
    assert narrow["activation_address"].offset == plain["activation_address"].offset


def test_fields_with_a_gap_are_no_structure():
    assert layout_of({"low": Field(0, 0, 8), "high": Field(0, 8, 40)}).size == 48
    with pytest.raises(AssertionError):
        layout_of({"low": Field(0, 0, 8), "high": Field(0, 9, 8)})


def spelled(source: str) -> list[set[str]]:
    """Return the names of the fields of each structure that a source spells out."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == data.StructLayout.__name__:
            names = (key for each in ast.walk(node) if isinstance(each, ast.Dict) for key in each.keys)
            found.append({key.value for key in names if isinstance(key, ast.Constant)})
    return found


def test_hardware_spells_no_layout_of_a_command_again():
    # A structure inside the hardware may take some fields of a command, with widths from it, but never most of them.
    kinds = [
        kind.FIELDS for kind in (*COMMANDS.values(), TileCommand, VectorCommand, Descriptor) if len(kind.FIELDS) > 3
    ]
    checked = 0
    for path in HW.rglob("*.py"):
        for names in spelled(path.read_text()):
            checked += 1
            assert not any(len(names & set(fields)) > len(fields) / 2 for fields in kinds), f"{path}: {sorted(names)}"
    assert checked > 20


def test_a_second_spelling_is_found():
    [names] = spelled('data.StructLayout({"rows": 12, "columns": 16, "vectors": 16, "slot": 16})')
    assert names == {"rows", "columns", "vectors", "slot"}
