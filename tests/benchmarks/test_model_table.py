"""The table of docs/models.md: a part of it is measured again."""

import pytest

import tilewright as tw
from benchmarks.model_table import HEADINGS, PAGE, SYSTEM, names
from benchmarks.own_model.score import NAME
from tilewright.base.tables import markdown_table

ROWS = {
    line.split(" | ")[0].removeprefix("| "): line for line in PAGE.read_text().splitlines() if line.startswith("| ")
}


def test_every_shipped_model_has_a_row():
    assert [name for name in ROWS if name in tw.model_names()] == names()
    assert set(tw.model_names()) - set(names()) == {NAME}, "which has a section of its own"
    assert f"`{NAME}`" in PAGE.read_text()
    assert markdown_table(HEADINGS, []).splitlines()[0] in PAGE.read_text()


@pytest.mark.parametrize("name", ["gemma-3-1b", "phi-3.5-mini"])
def test_a_token_takes_the_cycles_of_the_table(name):
    result = tw.map(name, SYSTEM)
    assert f"| {result.model.parameters:,} | {result.cycles:,} | {result.tokens_per_s:.1f} |" in ROWS[name]
    assert f"| {result.bound_fraction:.1%} |" in ROWS[name]
