"""The cost table of docs against the units as they are."""

import re
from math import inf

import pytest

from benchmarks import arithmetic_cost
from benchmarks.arithmetic_cost import ROWS, TABLE, Row, figures, tools_line

WRITTEN = {
    command: cells.split(" | ")
    for command, cells in re.findall(r"^\| `(synth [^`]+)` \| (.+) \| exact \|$", TABLE.read_text(), re.MULTILINE)
}
"""Figures by command."""

QUICK = [
    ROWS[0],
    next(row for row in ROWS if row.block == "float-multiplier"),
    next(r for r in ROWS if r.block == "fp4-unit"),
]


def test_the_table_has_every_row_and_no_other():
    assert list(WRITTEN) == [row.command for row in ROWS]


def test_every_peer_stands_beside_a_unit():
    import tomllib

    peers = tomllib.loads(arithmetic_cost.PEERS.read_text())["peer"]
    assert {peer["like"] for peer in peers} <= {row.group for row in ROWS}
    assert all(f"{peer['lut']:,} | {peer['ff']:,}" in TABLE.read_text() for peer in peers)


def same_tools() -> None:
    try:
        line = tools_line()
    except SystemExit as missing:
        pytest.skip(f"optional tool missing: {missing}")
    if line not in TABLE.read_text():
        pytest.skip("the table was made with other versions of the tools")


# Goals that the table is to keep: LUT, area in um2 and path in ns, at most.
GOALS = {
    "synth posit-multiplier --style rows": (130, 13_400, inf),
    "synth posit-multiplier --format posit16_1": (650, 58_000, 9.8),
    "synth posit-mac --style rows --stages 3 --back-pressure no": (360, 46_000, 3.4),
    "synth posit-mac --format posit16_1 --stages 6 --back-pressure no": (1_700, 170_000, 4.7),
    "synth posit-mac-core --style rows --segment-bits 32 --stages 1 --back-pressure no": (160, inf, inf),
    "synth posit-mac-core --format posit16_1 --style rows --segment-bits 32 --stages 1 --back-pressure no": (
        730,
        inf,
        inf,
    ),
    "synth mixed-mac --stages 1": (200, 36_000, 4.6),
    "synth fp4-unit --stages 1 --back-pressure no": (390, 50_000, 3.5),
    "synth simd-mac --modes xr-npe --stages 5 --gated no --back-pressure no": (2_300, 200_000, 4.7),
}
GATING = (1.05, 1.03)
"""Area and path of the SIMD MAC with parts that stand still, at most, of those of the same without."""


def check(row: Row) -> None:
    """Measure a row; compare it with the table and with its goals."""
    same_tools()
    written = figures(row.measure())
    assert written == WRITTEN[row.command]
    lut, _, area, path = (float(cell.replace(",", "")) for cell in written)
    goals = GOALS.get(row.command, (inf, inf, inf))
    assert all(value <= goal for value, goal in zip((lut, area, path), goals, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("row", QUICK, ids=lambda row: row.command)
def test_figures_are_as_written_and_goals_are_kept(row: Row):
    check(row)


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in ROWS if row not in QUICK], ids=lambda row: row.command)
def test_all_figures_are_as_written_and_goals_are_kept(row: Row):
    check(row)


def test_gates_cost_little():
    commands = (f"synth simd-mac --modes xr-npe --stages 5 {gated}--back-pressure no" for gated in ("", "--gated no "))
    gated, without = ([float(cell.replace(",", "")) for cell in WRITTEN[each][2:4]] for each in commands)
    assert all(own <= most * other for own, other, most in zip(gated, without, GATING, strict=True))


def test_goals_are_of_rows():
    assert set(GOALS) <= {row.command for row in ROWS}
