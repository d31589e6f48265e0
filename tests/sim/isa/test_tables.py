"""The tables of docs/program.md beside the definitions."""

from pathlib import Path

import pytest

from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.assembler import MNEMONICS
from tilewright.sim.isa.commands import AcceleratorError, Load, Vector, layout
from tilewright.sim.isa.registers import register_table
from tilewright.sim.isa.tables import docstrings, error_rows, error_table, field_rows, program_tables

DOCS = (Path(__file__).parents[3] / "docs" / "program.md").read_text()


@pytest.mark.parametrize(
    "table", [program_tables(), error_table(), register_table(Register)], ids=["commands", "errors", "registers"]
)
def test_the_documentation_has_the_table(table):
    """If it has not: `tilewright program fields --markdown` prints the first, the functions above the others."""
    assert f"\n{table}" in DOCS


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
    assert load["address"] == ("1, 2", "31:0", "Of the first row, in bytes: a multiple of a beat, as the strides are")
    assert load["rows"][:2] == ("3", "31:16")
    assert vector["write"] == ("14", "17", "There is a D")


def test_errors_are_all_there():
    assert [row[0] for row in error_rows()] == list(range(1, len(AcceleratorError)))
    assert docstrings(AcceleratorError)["REGISTER"] == "There is no such address register"
