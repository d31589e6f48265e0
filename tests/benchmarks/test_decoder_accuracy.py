"""The table of docs/decoder-accuracy.md is what its command prints for stories260K."""

import sys

import pytest

from benchmarks import decoder_accuracy
from benchmarks.decoder_accuracy import ROWS
from tests.mapping.models.stories import NEEDS_STORIES, STORIES
from tests.source_files import ROOT

PAGE = (ROOT / "docs" / "decoder-accuracy.md").read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_page_has_every_row(row):
    assert f"| {row.name} |" in PAGE


@pytest.mark.slow
@NEEDS_STORIES
def test_a_row_of_the_page_is_measured_again(monkeypatch, capsys):
    [number] = [index for index, row in enumerate(ROWS, 1) if row.name == "all of it, found as tilewright run does"]
    monkeypatch.setattr(sys, "argv", ["decoder_accuracy", str(STORIES), "--rows", str(number)])
    decoder_accuracy.main()
    line = capsys.readouterr().out.splitlines()[-1]
    assert line in PAGE.splitlines()
    agreement, ratio = (float(line.split("|")[column]) for column in (2, 5))
    assert agreement >= 97
    assert abs(ratio) <= 0.5
