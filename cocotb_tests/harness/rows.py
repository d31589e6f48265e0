"""Judges rows of a co-simulation's table."""

from collections.abc import Sequence

DIFFERENT = r"'mismatches': [1-9]"
"""Regular expression for a message with a row whose values differ from its model."""
CYCLES_APART = r"'rtl_cycles': (\d+), 'model_cycles': (?!\1\b)"
"""Regular expression for a message with a row whose cycles differ from its model."""


def check_rows(rows: Sequence[dict]) -> None:
    """Check that there are rows, and that none differs from its model in a value, a cycle or a counter.

    Raises
    ------
    AssertionError
        If one does.
    """
    assert rows, "no rows"
    for row in rows:
        assert not row.get("found"), f"{row['name']}: {row['found']}"
        assert row["values"] > 0, row
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row
