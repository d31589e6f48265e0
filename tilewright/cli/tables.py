"""Tables for people, from the JSON that commands write."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from tilewright.base.tables import markdown_table, terminal_table
from tilewright.base.terminal import styled
from tilewright.sim.estimate.bounds import NPE, REQUESTS, Bounds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


EXPLAINED = 0.8
"""Largest bound as a fraction of a run below which its cause is printed."""
LONGEST_WAITS = 4
"""Number of waits that are printed."""
RANGES = ("energy_range_j", "tokens_per_j")
"""Keys of a map result whose values are tables of a low, a middle and a high number."""


def print_map(console: "Console", result: dict) -> None:
    """Print where the time of a map result goes, its bounds, its rate and its energy."""
    what = {"decode": "one token", "prefill": f"{result['tokens']} prompt tokens"}.get(result["phase"])
    work = f"{what} at context {result['context']}" if what else f"{result['tokens']} tokens"
    # Files of earlier versions have no energies of operators.
    energies = all(step.get("energy_j") is not None for step in result["steps"])
    table = terminal_table(
        ("operator", "units", ">cycles", ">share", ">commands", ">M MAC", *([">mJ"] if energies else ())),
        title=f"{result['model']} on {result['system']}: {result['phase']}, {work}",
        caption="cycles: by how much an operator moves the end of all before it",
    )
    total = result["cycles"]
    for step in result["steps"]:
        table.add_row(
            step["step"],
            ", ".join(step["units"]),
            f"{step['cycles']:,}",
            f"{step['cycles'] / total:.1%}",
            f"{step['commands']:,}",
            f"{step['macs'] / 1e6:,.1f}",
            *([f"{step['energy_j'] * 1e3:,.3g}"] if energies else ()),
        )
    console.print(table)

    table = terminal_table(("", ">", ""), show_header=False, box=None, padding=(0, 2))
    ms = 1e-3 / result["clock_mhz"]
    for label, cycles, note in (
        ("whole run", total, ((f"{result['tokens_per_s']:,.1f} tokens/s", "bold"), f" at {result['clock_mhz']} MHz")),
        ("DRAM bound", result["dram_bound_cycles"], (f"{result['dram_bytes'] / 1e6:,.1f} MB moved",)),
        *_without_refresh(result),
        *_requests_bound(result),
        (_busiest(result), result["compute_bound_cycles"], (f"{result['macs'] / 1e6:,.0f} M MAC",)),
    ):
        table.add_row(label, f"{cycles:,} cycles", styled(f"{cycles * ms:,.3f} ms   ", *note))
    for unit, cycles in result["unit_cycles"].items():
        table.add_row(f"{unit} at work", f"{cycles:,} cycles", f"{cycles / total:.1%}")
    table.add_row("largest bound / run", styled((f"{result['bound_fraction']:.2%}", "bold")), result.get("binding", ""))
    console.print(table)

    if search := result.get("search"):
        console.print(f"  {_search_line(search)}", soft_wrap=True)
    if plan := result.get("plan"):
        console.print(f"  {_plan_line(plan)}", soft_wrap=True)
    if result["bound_fraction"] < EXPLAINED and (waits := result.get("waits")):
        console.print(f"  {_cause(total, waits, result.get('bounds', ()))}", soft_wrap=True)
    if refused := result.get("refused_chunk"):
        chunks = result.get("chunks", [1])
        name = "blocks of rows" if result["phase"] == "encode" else "chunks"
        console.print(
            f"  {len(chunks):,} {name} of at most {max(chunks)} tokens, because the system has no room for "
            f"{refused['tokens']} tokens at a time: {refused['cause']}",
            soft_wrap=True,
        )
        console.print(
            f"  their cost: weights are read {len(chunks):,} times; {refused['bytes_moved_again'] / 1e6:,.1f} MB "
            f"more than once, {refused['cycles_moving_again']:,} cycles at the memory's rate",
            soft_wrap=True,
        )

    if padded := result.get("padded_heads"):
        console.print(
            f"  heads of {padded['head_dim']} elements take the room of {padded['key_room']} (queries, keys) and "
            f"{padded['value_room']} (values): zeros are {padded['bytes'] / 1e6:,.1f} MB and "
            f"{padded['macs'] / 1e6:,.1f} M MAC of the run",
            soft_wrap=True,
        )

    _print_energy(console, result)
    if "area" in result:
        _print_area(console, result)


def _print_energy(console: "Console", result: dict) -> None:
    """Print the energy of a map result by part, with its share; low and high figures in rows of their own."""
    headings = ("part", ">mJ", ">share", ">pJ", "source")
    table = terminal_table(headings, title=_energy(result), fold=headings)
    for item in result["energy"]:
        figures = {item["name"]: item}
        # Files of earlier versions have one figure.
        if item.get("low") and item["low"]["pj_per_event"] < item["high"]["pj_per_event"]:
            figures |= {"  low": item["low"], "  high": item["high"]}
        for label, figure in figures.items():
            share = item["joules"] / result["energy_j"] if figure is item and result["energy_j"] else None
            table.add_row(
                label,
                _four_digits(figure["joules"] * 1e3),
                "" if share is None else f"{share:.1%}",
                f"{_four_digits(figure['pj_per_event'])} per {item['unit']}",
                figure["source"],
            )
    console.print(table)


def _print_area(console: "Console", result: dict) -> None:
    """Print the area of the accelerator by unit, with leakage and the power of the clock."""
    area, total = result["area"], result["area_mm2"]
    leakage, clock, idle = (_four_digits(result[key]) for key in ("leakage_mw", "clock_mw", "idle_clock_mw"))
    table = terminal_table(
        ("unit", ">mm2", ">share", ">SRAM mm2", ">leakage uW", ">flip-flops", ">gated", ">clock mW", ">idle clock mW"),
        title=f"area in {area['process']}: {_four_digits(total)} mm2 without wires; {leakage} mW of leakage; clocks at "
        f"{result['clock_mhz']} MHz: {clock} mW without clock gates, {idle} mW with all gates closed",
    )
    mw_of_pj = result["clock_mhz"] / 1e3
    for unit in area["units"]:
        table.add_row(
            unit["unit"] + (" *" if unit["extrapolated"] else ""),
            _four_digits(unit["area_um2"] / 1e6),
            f"{unit['area_um2'] / 1e6 / total:.1%}",
            _four_digits(unit["macros_um2"] / 1e6),
            _four_digits(unit["leakage_uw"]),
            f"{unit['flip_flops']:,}",
            f"{unit['gated_flip_flops']:,}",
            *(_four_digits(unit[key] * mw_of_pj) for key in ("clock_pj", "idle_clock_pj")),
        )
    console.print(table)
    if extrapolated := area["extrapolated"]:
        first = "; ".join(extrapolated[:2])
        more = f" and {len(extrapolated) - 2} more" if len(extrapolated) > 2 else ""
        console.print(f"  * extrapolated beyond what was synthesised: {first}{more}; docs/area.md", soft_wrap=True)
    for unit in area["not_counted"]:
        console.print(f"  {unit}: its area was not measured, and is not counted", soft_wrap=True)


def _energy(result: dict) -> str:
    """Return the energy of a map result in words, from low to high where the figures have a range."""
    text = f"energy: {_four_digits(result['energy_j'] * 1e3)} mJ"
    if joules := result.get("energy_range_j"):
        text += f", {_four_digits(joules['low'] * 1e3)} to {_four_digits(joules['high'] * 1e3)} from low to high"
    if rate := result.get("tokens_per_j"):
        fewest, per_joule, most = (_four_digits(rate[level]) for level in ("low", "mid", "high"))
        text += f"; {per_joule} tokens/J, {fewest} to {most}"
    return text


def _four_digits(value: float) -> str:
    """Return a number with four significant digits, or all digits before the point if these are more."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def operator_rows(result: dict) -> list[dict]:
    """Return the operators of a map result as rows, each with the run that it is part of."""
    run = {key: result[key] for key in ("model", "system", "phase", "context")}
    return [{**run, **step} for step in result["steps"]]


def run_rows(results: list[dict]) -> list[dict]:
    """Return map results as rows: the numbers of each run, without its parts; those of ranges have dotted names."""
    return [
        {key: value for key, value in result.items() if not isinstance(value, list | dict)}
        | {f"{key}.{level}": value for key in RANGES for level, value in result.get(key, {}).items()}
        for result in results
    ]


def _search_line(search: dict) -> str:
    """Return what a search has gone through, and what it has found, in words."""
    left_out = [
        (search["bounded"], "left out by their bounds"),
        (search["alike"], "with the program of another"),
        (search["refused"], "without room"),
        (search["run"], "run on the exact model"),
    ]
    of = ", ".join(f"{count:,} {what}" for count, what in left_out)
    sizes = search["bounded_chunk_sizes"]
    chunks = f", {sizes:,} of {search['chunk_sizes']:,} sizes of chunks left out by their weights" if sizes else ""
    found = (
        f"{search['gain']:.2%} fewer cycles than the default's {search['default_cycles']:,}"
        if search["gain"] > 0
        else f"none is faster than the default, which takes {search['default_cycles']:,} cycles"
    )
    return (
        f"search: optimal for the estimate over {_many(search['mappings'])} mappings{chunks}; {search['schedules']:,} "
        f"schedules of loops: {of}. {found[0].upper()}{found[1:]}; estimate {search['gap']:+.3%} of the run"
    )


def _many(number: int) -> str:
    """Return a number, as a power of ten if it is long."""
    return f"{number:,}" if number < 10**9 else f"10^{len(str(number)) - 1}"


def _plan_line(plan: dict) -> str:
    """Return the formats in which the array holds the matrices of a plan, in words."""
    held: dict[str, int] = {}
    for each in plan["weights"].values():
        held[each["held_as"]] = held.get(each["held_as"], 0) + 1
    inexact = [f"{name} ({each['storage']})" for name, each in plan["weights"].items() if not each["exact"]]
    text = f"plan {plan['file']}: " + ", ".join(f"{count} matrices in {name}" for name, count in sorted(held.items()))
    if inexact:
        text += f"; {len(inexact)} of them are not what the plan says, which the array does not have: {inexact[0]}"
        text += ", ..." if len(inexact) > 1 else ""
    return text


def print_maps(console: "Console", results: list[dict]) -> None:
    """Print map results of one model and system side by side, a row for each."""
    first = results[0]
    headings = (
        ">context",
        ">tokens",
        ">cycles",
        ">ms",
        ">tokens/s",
        ">DRAM bound",
        ">compute bound",
        ">bound / run",
    )
    with_host = "host" in first
    table = terminal_table(
        (*headings, *((">tokens/s with host",) if with_host else ())),
        title=f"{first['model']} on {first['system']}: {first['phase']} at {first['clock_mhz']} MHz",
        caption="bounds: cycles",
    )
    for result in results:
        table.add_row(
            f"{result['context']:,}",
            f"{result['tokens']:,}",
            f"{result['cycles']:,}",
            f"{result['seconds'] * 1e3:,.3f}",
            f"{result['tokens_per_s']:,.1f}",
            f"{result['dram_bound_cycles']:,}",
            f"{result['compute_bound_cycles']:,}",
            f"{result['bound_fraction']:.2%}",
            *((f"{result['tokens_per_s_with_host']:,.1f}",) if with_host else ()),
        )
    console.print(table)
    _print_energies(console, results)


def _print_energies(console: "Console", results: list[dict]) -> None:
    """Print the energy of map results side by side, a row for each, from low to high."""
    joules = (">low, mJ", ">middle, mJ", ">high, mJ")
    per_joule = (">fewest tokens/J", ">tokens/J", ">most tokens/J")
    table = terminal_table((">context", *joules, *per_joule), title="energy by the low, middle and high figures")
    for result in results:
        table.add_row(
            f"{result['context']:,}",
            *(_four_digits(value * 1e3) for value in result["energy_range_j"].values()),
            *(_four_digits(value) for value in result.get("tokens_per_j", {}).values()),
        )
    console.print(table)


def _without_refresh(result: dict) -> list[tuple[str, int, tuple[str]]]:
    """Return the row of the DRAM bound at peak bandwidth if the memory pauses for refresh or turns."""
    cycles = result.get("dram_peak_cycles")
    if cycles is None:
        return []
    return [("at peak bandwidth", cycles, (f"without refresh and turns; {cycles / result['cycles']:.2%} of the run",))]


def _requests_bound(result: dict) -> list[tuple[str, int, tuple[str]]]:
    """Return the row of the bound of requests in flight; files of earlier versions do not have it."""
    bounds = result.get("bounds")
    if not bounds or REQUESTS not in bounds:
        return []
    return [("requests bound", bounds[REQUESTS], ("bursts in flight at memory's latency",))]


def _busiest(result: dict) -> str:
    """Return the name of the largest bound of what is computed."""
    bounds = result.get("bounds")
    return f"{Bounds(bounds).busiest} bound" if bounds else "compute bound"


def _cause(cycles: int, waits: list[dict], bounds: Collection[str]) -> str:
    """Return in words what the cycles of a run are that lasts much longer than its largest bound."""
    engines = [name for name in ("array", NPE) if name in bounds or (name == "array" and not bounds)]
    they = " and the ".join(engines) + (" wait" if len(engines) > 1 else " waits")
    waiting = sum(wait["cycles"] for wait in waits)
    longest = ", ".join(
        (f"{wait['step']} ({wait['unit']})" if wait["unit"] else "nothing at work") + f" {wait['cycles'] / cycles:.1%}"
        for wait in waits[:LONGEST_WAITS]
    )
    return (
        f"products take {1 - waiting / cycles:.1%} of the run; the {they} for the other {waiting / cycles:.1%}, "
        f"longest for {longest}"
    )


def _refresh(result: dict) -> str:
    """Return the refresh and the turns of memory in words; nothing without both."""
    period, pause = result.get("refresh_period", 1), result.get("refresh_cycles", 0)
    interval, writes = result.get("turn_period", 1), result.get("write_cycles", 0)
    return (f", refreshed for {pause} of {period} cycles" if pause else "") + (
        f", writes for {writes} of {interval} cycles" if writes else ""
    )


def print_run(console: "Console", result: dict) -> None:
    """Print how a program ended, and what its units did."""
    what = f"{result['program']} on {result['system']}: {result['commands']} commands at {result['address']:#x}"
    console.print(
        f"{what}, memory {result['latency']} cycles away, {result['bytes_per_cycle']:g} bytes a cycle{_refresh(result)}"
    )  # fmt: skip
    took = f"{result['cycles']:,} cycles, {result['seconds'] * 1e6:,.3f} µs"
    if error := result["error"]:
        when = f" after {took}" if result["cycles"] else ""
        stopped = f"stopped by {error['name']} ({error['code']}) at command {error['index']}{when}"
        console.print(styled((stopped, "red"), f"\n  {error['command']}\n  {error['about']}"))
        return
    counters = result["counters"]
    console.print(
        styled(
            (took, "bold"),
            f": {counters['COMMANDS']:,} commands of units, {counters['READ_BEATS']:,} beats read, "
            f"{counters['WRITE_BEATS']:,} written",
        )
    )
    table = terminal_table(
        ("unit", ">busy", ">of all", ">waits for a signal", ">waits for a bank", ">waits for weights"),
        caption="cycles; a unit waits when it could run its next command",
    )
    for unit in (name.removesuffix("_BUSY") for name in counters if name.endswith("_BUSY")):
        busy, signal, bank = (counters[f"{unit}_{what}"] for what in ("BUSY", "SIGNAL", "BANK"))
        weights = counters.get(f"{unit}_WEIGHTS")
        share = f"{busy / result['cycles']:.1%}"
        table.add_row(
            unit, f"{busy:,}", share, f"{signal:,}", f"{bank:,}", "-" if weights is None else f"{weights:,}"
        )  # fmt: skip
    console.print(table)


def print_cosim(console: "Console", cases: list[dict], *, markdown: bool = False) -> None:
    """Print the cases of a co-simulation: RTL cycles, model cycles, mismatches, and what else is known of them.

    That may be the memory's timing, the use of the array, and how near the output is to one without quantisation.
    """
    rows = [{**case, **_summed([case])} for case in cases]
    _print_comparison(console, rows, cases, markdown=markdown)


def print_rtl_coverage(console: "Console", designs: Sequence[dict], *, markdown: bool = False) -> None:
    """Print what Verilator counted in each design, if there is something: numbers of points and of those hit."""
    if not designs:
        return
    columns = {"blocks": "blocks run", "toggles": "bits toggle", "streams_moved": "streams move",
               "streams_waited": "streams wait"}  # fmt: skip
    rows = [
        (design["design"], *(f"{design[key]['hit']:,} of {design[key]['points']:,}" for key in columns))
        for design in designs
    ]
    if markdown:
        console.out(markdown_table(("design", *columns.values()), rows), end="", highlight=False)
        return
    table = terminal_table(("design", *(f">{heading}" for heading in columns.values())), title="Coverage of RTL")
    for row in rows:
        table.add_row(*row)
    console.print(table)


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
        "found": "; ".join(case["found"] for case in cases if case.get("found")),
    }


COMPARED = {"rtl_cycles": "RTL cycles", "model_cycles": "model cycles", "apart": "apart", "values": "values",
            "mismatches": "mismatches"}  # fmt: skip
"""Columns of every comparison, and their headings."""
BEFORE = {"latency": "latency", "bytes_per_cycle": "B/cycle"}
"""Columns before the compared ones, if a case has them: latency of memory in cycles, and its bandwidth in bytes in each
cycle."""
BEHIND = {"utilisation": "in use", "cosine": "cosine"}
"""Columns after the compared ones, if a case has them."""


def _print_comparison(console: "Console", rows: list[dict], cases: list[dict], *, markdown: bool = False) -> None:
    """Print rows, below them the sums over all cases, and what differs."""
    before, behind = (
        {key: heading for key, heading in columns.items() if any(row.get(key) is not None for row in rows)}
        for columns in (BEFORE, BEHIND)
    )
    headings = (before if "bytes_per_cycle" in before else {}) | COMPARED | behind
    total = {"name": f"{len(cases)} case{'s' if len(cases) > 1 else ''}", **_summed(cases)}
    if markdown:
        lines = [(row["name"], *(_figure(key, row.get(key)) for key in headings)) for row in (*rows, total)]
        console.out(markdown_table(("case", *headings.values()), lines), end="", highlight=False)
    else:
        console.print(_comparison(rows, total, headings))
    for row in rows:
        if row["found"]:
            console.print(f"{row['name']}: {row['found']}", style="red", soft_wrap=True)


def _comparison(rows: list[dict], total: dict, headings: dict[str, str]) -> "Table":
    """Return the table of a comparison, a section for each design."""
    from rich import box

    # As little as can be around figures: names of cases are long.
    table = terminal_table(("case",), title="RTL under Verilator beside its model", box=box.SIMPLE_HEAD,
                           padding=0, pad_edge=False)  # fmt: skip
    for key, heading in headings.items():
        figures = (_figure(key, row.get(key)) for row in (*rows, total))
        table.add_column(heading, justify="right", min_width=max(map(len, (*figures, *heading.split()))))
    last = ""
    for row in rows:
        style = "red" if row["apart"] or row["mismatches"] or row["found"] else None
        design, colon, name = row["name"].partition(": ")
        if colon and design != last:
            table.add_section()
            table.add_row(design, style="bold")
            last = design
        shown = f"  {name}" if colon else design
        table.add_row(shown, *(_figure(key, row.get(key)) for key in headings), style=style)
    table.add_section()
    table.add_row(total["name"], *(_figure(key, total.get(key)) for key in headings), style="bold")
    return table


def _figure(key: str, value: float | str | None) -> str:
    """Return a figure of a comparison as people read it."""
    if value is None:
        return ""
    match key:
        case "utilisation":
            return f"{value:.1%}"
        case "cosine":
            return f"{value:.5f}"
        case "bytes_per_cycle":
            return f"{value:g}"
    return f"{int(value):,}"


def print_blocks(console: "Console", blocks: Iterable[dict]) -> None:
    """Print what was generated."""
    table = terminal_table(("module", ">MAC a cycle", ">cycles a vector", ">latency"), title="generated Verilog")
    for block in blocks:
        timing = block["timing"]
        table.add_row(
            block["module"],
            _rate(timing.get("macs_per_cycle")),
            str(timing.get("cycles_per_vector", "-")),
            str(timing["latency_cycles"]),
        )
    console.print(table)


def _rate(macs: float | dict[str, float] | None) -> str:
    """Return the multiply-accumulates in a cycle, from the slowest to the fastest format if each has its own."""
    if macs is None:
        return "-"
    rates = sorted({*macs.values()} if isinstance(macs, dict) else {macs})
    return " to ".join(f"{rate:,.0f}" for rate in dict.fromkeys((rates[0], rates[-1])))


def print_host_steps(console: "Console", result: dict) -> None:
    """Print what the host core adds to a map result."""
    host = result["host"]
    table = terminal_table(
        ("operator", ">elements", ">calls", ">us", ">us of transfers", "cost from"),
        title=f"host {host['name']}, core {host['core']}",
    )
    for step in host["steps"]:
        how = "predicted from 4 GHz" if step["predicted"] else "measured"
        table.add_row(
            step["step"],
            f"{step['elements']:,}",
            f"{step['calls']:,}",
            f"{step['seconds'] * 1e6:,.2f}",
            f"{step['transfer_seconds'] * 1e6:,.2f}",
            f"{step['kernel']}, {how}",
        )
    console.print(table)
    console.print(
        styled(
            f"  with the host, one after the other: {result['seconds_with_host'] * 1e3:,.3f} ms, ",
            (f"{result['tokens_per_s_with_host']:,.1f} tokens/s", "bold"),
        )
    )
