"""The tables of commands, descriptors, registers and errors in docs beside the definitions."""

from pathlib import Path

import pytest

from tilewright.sim.isa import npe_registers
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.assembler import MNEMONICS
from tilewright.sim.isa.cim_command import ArrayCommand, CommandError, TileCommand
from tilewright.sim.isa.commands import Load, Vector
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.encoding import layout
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.registers import register_table
from tilewright.sim.isa.tables import docstrings, error_rows, error_table, field_rows, field_table, program_tables
from tilewright.sim.isa.vector_command import VectorError

DOCS = Path(__file__).parents[3] / "docs"
TABLES = {
    "commands": ("program.md", program_tables()),
    "errors": ("program.md", error_table()),
    "registers": ("program.md", register_table(Register)),
    "descriptor of the NPE": ("npe.md", field_table(Descriptor)),
    "errors of the NPE": ("npe.md", error_table(NpeError)),
    "errors of the vector unit": ("vector.md", error_table(VectorError)),
    "command of a tile": ("cim-tile.md", field_table(TileCommand)),
    "errors of a tile": ("cim-tile.md", error_table(CommandError)),
    "command of an array": ("cim-array.md", field_table(ArrayCommand)),
    "registers of the NPE": ("npe.md", register_table(npe_registers.Register)),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_documentation_has_the_table(name):
    """If it has not: `tilewright program fields --markdown` prints the first, the functions above the others."""
    page, table = TABLES[name]
    assert f"\n{table}" in (DOCS / page).read_text()


@pytest.mark.parametrize("name", MNEMONICS)
def test_rows_are_in_the_order_of_bits_and_mean_something(name):
    kind = MNEMONICS[name]
    rows = field_rows(kind)
    head = {"opcode", "wait", "signal"}
    assert {row.name for row in rows} == set(layout(kind)) - head
    places = [(int(row.word.split(",")[0]), int(row.bits.split(":")[-1])) for row in rows]
    assert places == sorted(places)
    assert all(row.about and not row.about.endswith(".") for row in rows)


def test_rows_of_chosen_fields():
    load, vector = ({row.name: row[1:] for row in field_rows(kind)} for kind in (Load, Vector))
    assert load["address"] == (
        "1, 2",
        "31:0",
        "Address of the first row in memory in bytes; it and the strides are multiples of a beat",
    )
    assert load["rows"][:2] == ("3", "31:16")
    assert vector["write"] == ("14", "17", "The result is written as a matrix D, in INT8, BF16 or FP32")


def test_errors_are_all_there():
    assert [row[0] for row in error_rows()] == list(range(1, len(AcceleratorError)))
    assert docstrings(AcceleratorError)["REGISTER"] == "There is no such address register"
