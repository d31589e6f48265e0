"""Tables on host cores for people: runs of gem5 and predictions from them."""

from typing import TYPE_CHECKING

from tilewright.base.tables import terminal_table

if TYPE_CHECKING:
    from rich.console import Console

COUNTED = (">us", ">IPC", ">instructions", ">mispredicted", ">L1D misses", ">L2", ">L3", ">DRAM MB/s")
CAPTION = "misses: of a thousand instructions; mispredicted: of conditional branches"


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


def print_runs(console: "Console", rows: list[dict]) -> None:
    """Print the runs of a sweep."""
    # A host that all have in common need not stand in each row.
    hosts = {row["host"] for row in rows}
    title = "gem5 runs" if len(hosts) > 1 else f"gem5 runs, host {rows[0]['host']}"
    labels = ["workload", *(["host"] if len(hosts) > 1 else []), "core", "domains"]
    table = terminal_table((*labels, ">GHz", *COUNTED), title=title, caption=CAPTION, fold=labels)
    for row in rows:
        table.add_row(*(row[label] for label in labels), f"{row['core_ghz']:g}", *_counts(row))
    console.print(table)


def print_counts(console: "Console", rows: list[dict]) -> None:
    """Print runs of which only the statistics are known."""
    labels = ("file", "cpu")
    lines = ((*(row[label] for label in labels), *_counts(row)) for row in rows)
    console.print(terminal_table((*labels, *COUNTED), lines, title="gem5 runs", caption=CAPTION, fold=labels))


def print_predictions(console: "Console", result: dict) -> None:
    """Print predicted times of workloads on a host core, and where the cycles of an instruction go."""
    clocks = ", ".join(f"{name.removesuffix('_ghz')} {ghz:g}" for name, ghz in result["clocks"].items())
    parts = list(result["workloads"][0]["cpi_stack"])
    headings = ("workload", ">ms", ">speed-up", ">IPC", *(f">{part}" for part in parts))
    table = terminal_table(headings, title=f"core {result['core']}, GHz: {clocks}")
    for row in result["workloads"]:
        cycles = sum(row["cpi_stack"].values())
        table.add_row(
            row["workload"],
            f"{row['seconds'] * 1e3:,.3f}",
            f"{row['speedup']:.2f}",
            f"{row['ipc']:.3f}",
            *(f"{row['cpi_stack'][part] / cycles:.0%}" for part in parts),
        )
    console.print(table)
    console.print("  predicted from one measured run of each; its error against gem5: docs/host-core.md")
