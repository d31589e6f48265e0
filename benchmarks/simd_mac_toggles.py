"""Counts how often the SIMD MAC's registers and gates toggle, with idle parts standing still and without.

    python -m benchmarks.simd_mac_toggles

Prints a table: toggles a word, for every mode and kind of words, of the MAC with all modes and all registers, made of
gates of two inputs by Yosys. A cycle-based simulation: a gate toggles once a cycle at most, glitches do not count, and
neither do wires and the clock. Takes a minute or two.
"""

from rich.console import Console

from tilewright.base.tables import terminal_table
from tilewright.cocotb_tests.mac.toggles import Activity, build, count

WHAT = ("registers", "gates")


def cells(activity: Activity) -> list[str]:
    """Return a row of the table."""
    row = [activity.mode.label, activity.kind]
    for what in WHAT:
        plain, gated = (getattr(side, what) / activity.words for side in (activity.plain, activity.gated))
        row += [f"{plain:,.0f}", f"{gated:,.0f}", f"{activity.ratio(what) - 1:+.0%}"]
    return row


def main() -> None:
    """Count and print."""
    headings = ("mode", "words", *(f">{heading}" for what in WHAT for heading in (what, "gated", "change")))
    rows = map(cells, count(build()))
    Console().print(terminal_table(headings, rows, title="Toggles a word of the SIMD MAC, all modes"))


if __name__ == "__main__":
    main()
