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
    # name: page, section, what the section holds
    "commands": ("program.md", "Commands", program_tables()),
    "errors": ("program.md", "Errors", error_table()),
    "registers": ("program.md", "Registers", register_table(Register)),
    "errors of the vector unit": ("vector.md", "What is refused", error_table(VectorError)),
    "command of a tile": ("cim-tile.md", "Commands", field_table(TileCommand)),
    "errors of a tile": ("cim-tile.md", "Commands", error_table(CommandError)),
    "command of an array": ("cim-array.md", "Streams and commands", field_table(ArrayCommand)),
    "descriptor of the NPE": ("npe.md", "Descriptor", field_table(Descriptor)),
    "registers of the NPE": ("npe.md", "Registers", register_table(npe_registers.Register)),
    "errors of the NPE": ("npe.md", "Registers", error_table(NpeError)),
}
"""Parts of docs that are made from the definitions; ``python -m tests.sim.isa.test_tables`` writes them anew."""


def place(text: str, section: str, table: str) -> str:
    """Return the text of a page whose section holds a table, in place of the one with the same first line."""
    first = table.partition("\n")[0]
    start = text.index(f"\n{first}\n", text.index(f"\n## {section}\n")) + 1
    end = text.find("\n\n## " if first.startswith("#") else "\n\n", start)
    return text[:start] + table + text[len(text) if end < 0 else end + 1 :]


@pytest.mark.parametrize("name", TABLES)
def test_the_documentation_has_the_table(name):
    page, section, table = TABLES[name]
    text = (DOCS / page).read_text()
    assert text[text.index(f"\n## {section}\n") :].count(f"\n{table}") == 1

    assert place(text, section, table) == text
    assert place(text.replace(table, table.replace("1", "7")), section, table) == text


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


if __name__ == "__main__":
    for page, section, table in TABLES.values():
        file = DOCS / page
        file.write_text(place(file.read_text(), section, table))
