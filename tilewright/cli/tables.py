"""Tables for people, from the JSON that commands write."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def cycles_by_step(result: dict) -> dict[str, int]:
    """Return the cycles of each operator of a map result, layers together, largest first."""
    return {step["step"]: step["cycles"] for step in result["steps"]}


def print_map(console: "Console", result: dict) -> None:
    """Print where the time of a map result goes, its bounds, its rate and its energy."""
    from rich.table import Table

    what = "one token" if result["phase"] == "decode" else f"{result['tokens']} prompt tokens"
    table = Table(
        title=f"{result['model']} on {result['system']}: {result['phase']}, {what} at context {result['context']}",
        title_justify="left",
        caption="cycles: by how much an operator moves the end of all before it",
        caption_justify="left",
    )
    for heading in ("operator", "units"):
        table.add_column(heading)
    for heading in ("cycles", "share", "commands", "M MAC"):
        table.add_column(heading, justify="right")
    total = result["cycles"]
    for step in result["steps"]:
        table.add_row(
            step["step"],
            ", ".join(step["units"]),
            f"{step['cycles']:,}",
            f"{step['cycles'] / total:.1%}",
            f"{step['commands']:,}",
            f"{step['macs'] / 1e6:,.1f}",
        )
    console.print(table)

    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    ms = 1e-3 / result["clock_mhz"]
    for label, cycles, note in (
        ("whole run", total, f"[bold]{result['tokens_per_s']:,.1f} tokens/s[/] at {result['clock_mhz']} MHz"),
        ("DRAM bound", result["dram_bound_cycles"], f"{result['dram_bytes'] / 1e6:,.1f} MB moved"),
        ("compute bound", result["compute_bound_cycles"], f"{result['macs'] / 1e6:,.0f} M MAC"),
    ):
        table.add_row(label, f"{cycles:,} cycles", f"{cycles * ms:,.3f} ms   {note}")
    for unit, cycles in result["unit_cycles"].items():
        table.add_row(f"{unit} at work", f"{cycles:,} cycles", f"{cycles / total:.1%}")
    table.add_row("larger bound / run", f"[bold]{result['bound_fraction']:.2%}[/]", "")
    console.print(table)

    table = Table(title=f"energy: {result['energy_j'] * 1e3:,.2f} mJ", title_justify="left")
    for heading, justify in (("part", "left"), ("mJ", "right"), ("pJ", "right"), ("source", "left")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for item in result["energy"]:
        table.add_row(
            item["name"], f"{item['joules'] * 1e3:,.3f}", f"{item['pj_per_event']:g} per {item['unit']}", item["source"]
        )
    console.print(table)


def print_cosim(console: "Console", cases: list[dict]) -> None:
    """Print the cases of a co-simulation: RTL cycles, model cycles, mismatches, and the use of the array if known."""
    rows = [{**_summed([case]), "name": case["name"], "use": case.get("utilisation")} for case in cases]
    _print_comparison(console, rows, cases)


def print_cosim_summary(console: "Console", cases: list[dict]) -> None:
    """Print a co-simulation with one line for each design."""
    designs: dict[str, list[dict]] = {}
    for case in cases:
        designs.setdefault(case["name"].split(": ")[0], []).append(case)
    rows = [{**_summed(same), "name": f"{name}, {len(same)} cases"} for name, same in designs.items()]
    _print_comparison(console, rows, cases)


def _summed(cases: list[dict]) -> dict:
    """Return sums over cases; cycles apart add up whichever way they are."""
    return {
        **{key: sum(case[key] for case in cases) for key in ("rtl_cycles", "model_cycles", "values", "mismatches")},
        "apart": sum(abs(case["rtl_cycles"] - case["model_cycles"]) for case in cases),
    }


def _print_comparison(console: "Console", rows: list[dict], cases: list[dict]) -> None:
    """Print rows, and below them the sums over all cases."""
    from rich.table import Table

    table = Table(title="RTL under Verilator beside its model", title_justify="left")
    table.add_column("case")
    for heading in ("RTL cycles", "model cycles", "apart", "values", "mismatches"):
        table.add_column(heading, justify="right")
    columns = ("rtl_cycles", "model_cycles", "apart", "values", "mismatches")
    used = any(row.get("use") is not None for row in rows)
    if used:
        table.add_column("in use", justify="right")
    for row in rows:
        style = "red" if row["apart"] or row["mismatches"] else None
        use = [f"{row['use']:.1%}" if row["use"] is not None else "-"] if used else []
        table.add_row(row["name"], *(f"{row[column]:,}" for column in columns), *use, style=style)
    table.add_section()
    total = _summed(cases)
    table.add_row(f"{len(cases)} cases", *(f"{total[column]:,}" for column in columns), style="bold")
    console.print(table)


def print_blocks(console: "Console", blocks: Iterable[dict]) -> None:
    """Print what was generated."""
    from rich.table import Table

    table = Table(title="generated Verilog", title_justify="left")
    for heading in ("module", "MAC a cycle", "cycles a vector", "latency"):
        table.add_column(heading, justify="left" if heading == "module" else "right")
    for block in blocks:
        timing = block["timing"]
        table.add_row(
            block["module"],
            f"{timing['macs_per_cycle']:,.0f}" if "macs_per_cycle" in timing else "-",
            str(timing.get("cycles_per_vector", "-")),
            str(timing["latency_cycles"]),
        )
    console.print(table)


def print_synth(console: "Console", results: list[dict]) -> None:
    """Print what blocks cost, by which tools, and what was missing."""
    from rich.table import Table

    table = Table(title="synthesis", title_justify="left")
    for heading in ("block", "options"):
        table.add_column(heading, overflow="fold")
    columns = (
        ("LUT", "lut", ",d"),
        ("FF", "ff", ",d"),
        ("cells", "cells", ",d"),
        ("area um2", "area_um2", ",.0f"),
        ("path ns", "path_ns", ",.2f"),
        ("power uW", "power_uw", ",.1f"),
    )
    for heading, _, _ in columns:
        table.add_column(heading, justify="right")
    notes: dict[str, None] = {}
    for result in results:
        figures = ["-" if result[key] is None else format(result[key], precision) for _, key, precision in columns]
        table.add_row(result["block"], _options(result["configuration"]), *figures)
        said = ", ".join(f"{name} {version}" for name, version in result["tools"].items())
        notes[f"by {said}; cells of {result['liberty'] or 'no liberty file'}"] = None
        if result["path_ns"] is not None:
            notes["path: gates alone, no wires, clock-to-output or set-up"] = None
        if result["power_uw"] is not None:
            notes[
                f"power: at {result['power_clock_mhz']} MHz, "
                f"each data input changing in {result['power_activity']:.0%} of the cycles"
            ] = None
        memory = {name: count for name, count in result["primitives"].items() if name.startswith(("RAM", "SRL"))}
        if memory:
            listed = ", ".join(f"{count:,} {name}" for name, count in memory.items())
            notes[f"{result['block']}: memory not counted as LUT: {listed}"] = None
        notes |= dict.fromkeys(result["missing"])
    console.print(table)
    for note in notes:
        console.print(f"  {note}", markup=False)


def _options(configuration: dict) -> str:
    """Return a configuration on one line, those of its parts included."""
    parts = []
    for key, value in configuration.items():
        parts.append(_options(value) if isinstance(value, dict) else f"{key}={value}")
    return " ".join(parts)


def print_predictions(console: "Console", result: dict) -> None:
    """Print predicted times of workloads on a host core, and where the cycles of an instruction go."""
    from rich.table import Table

    clocks = ", ".join(f"{name.removesuffix('_ghz')} {ghz:g}" for name, ghz in result["clocks"].items())
    table = Table(title=f"core {result['core']}, GHz: {clocks}", title_justify="left")
    table.add_column("workload")
    parts = list(result["workloads"][0]["cpi_stack"])
    for heading in ("ms", "speed-up", "IPC", *parts):
        table.add_column(heading, justify="right")
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
    console.print("  predicted from one measured run of each; its error against gem5: docs/host-core.md", markup=False)


def print_host_steps(console: "Console", result: dict) -> None:
    """Print what the host core adds to a map result."""
    from rich.table import Table

    host = result["host"]
    table = Table(title=f"host {host['name']}, core {host['core']}", title_justify="left")
    table.add_column("operator")
    for heading in ("elements", "us"):
        table.add_column(heading, justify="right")
    table.add_column("cost from")
    for step in host["steps"]:
        how = "predicted from 4 GHz" if step["predicted"] else "measured"
        table.add_row(
            step["step"], f"{step['elements']:,}", f"{step['seconds'] * 1e6:,.2f}", f"{step['kernel']}, {how}"
        )
    console.print(table)
    console.print(
        f"  with the host, one after the other: {result['seconds_with_host'] * 1e3:,.3f} ms, "
        f"[bold]{result['tokens_per_s_with_host']:,.1f} tokens/s[/]"
    )
