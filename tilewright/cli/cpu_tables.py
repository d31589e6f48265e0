"""Tables of gem5 runs for people."""

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console


def _add_counts(table: Table) -> None:
    for heading in ("us", "IPC", "instructions", "mispredicted", "L1D misses", "L2", "L3", "DRAM MB/s"):
        table.add_column(heading, justify="right")


def _counts(row: dict) -> list[str]:
    """Return the figures of a row; misses are those of a thousand instructions."""
    per_thousand = 1000 / row["sim_insts"]
    return [
        f"{row['sim_seconds'] * 1e6:,.2f}",
        f"{row['ipc']:.3f}",
        f"{row['sim_insts']:,}",
        f"{row['cond_mispredicts'] / max(1, row['cond_predicted']):.1%}",
        *(f"{row[f'{level}_misses'] * per_thousand:.2f}" for level in ("l1d", "l2", "l3")),
        f"{row['dram_bytes_per_s'] / 1e6:,.0f}",
    ]


def _table() -> Table:
    caption = "misses: of a thousand instructions; mispredicted: of conditional branches"
    return Table(title="gem5 runs", title_justify="left", caption=caption, caption_justify="left")


def print_runs(console: "Console", rows: list[dict]) -> None:
    """Print the runs of a sweep."""
    table = _table()
    # A host that all have in common need not stand in each row.
    hosts = {row["host"] for row in rows}
    if len(hosts) == 1:
        table.title = f"gem5 runs, host {rows[0]['host']}"
    labels = ["workload", *(["host"] if len(hosts) > 1 else []), "core", "domains"]
    for heading in labels:
        table.add_column(heading, overflow="fold")
    table.add_column("GHz", justify="right")
    _add_counts(table)
    for row in rows:
        table.add_row(*(row[label] for label in labels), f"{row['core_ghz']:g}", *_counts(row))
    console.print(table)


def print_counts(console: "Console", rows: list[dict]) -> None:
    """Print runs of which only the statistics are known."""
    table = _table()
    table.add_column("file", overflow="fold")
    _add_counts(table)
    for row in rows:
        table.add_row(row["file"], *_counts(row))
    console.print(table)
