"""Tables of an exploration: the front, the recommended design, and what was done to find them."""

from typing import TYPE_CHECKING

from tilewright.base.tables import terminal_table
from tilewright.base.terminal import styled
from tilewright.mapping.explore.objectives import OBJECTIVES
from tilewright.mapping.explore.rows import summary, varied

if TYPE_CHECKING:
    from rich.console import Console

    from tilewright.mapping.explore.require import Requirement
    from tilewright.mapping.explore.result import Exploration, FrontPoint
    from tilewright.mapping.explore.suggest import Suggestions

MOST_ROWS = 40
"""Number of designs of the front that are printed."""


def print_exploration(console: "Console", result: "Exploration") -> None:
    """Print the front of an exploration, its recommended design, and how it was found."""
    names, fields = result.space.names, varied(result)
    runs = ", ".join(run.label for run in result.space.runs)
    table = terminal_table(
        ("", *(path.rpartition(".")[2] for path in fields), *(f">{_heading(name)}" for name in names), "binding"),
        title=f"Pareto front of {result.space.base.name} for {runs}: {len(result.front):,} of "
        f"{result.space.size:,} designs",
        caption="* recommended: the smallest product of the objectives, each to the power of its weight",
    )
    for point in result.front[:MOST_ROWS]:
        table.add_row(
            "*" if point is result.recommended else "",
            *(str(point.changes[path]) for path in fields),
            *(f"{point.objectives[name]:.5g}" for name in names),
            point.binding,
        )
    console.print(table)
    if len(result.front) > MOST_ROWS:
        console.print(f"  and {len(result.front) - MOST_ROWS:,} more, in --json, --csv and --out")
    _print_recommended(console, result.recommended)
    for line in summary(result):
        console.print(line, soft_wrap=True)


def _heading(name: str) -> str:
    unit = OBJECTIVES[name].unit
    return f"{name.rpartition('_')[0]} {unit}" if OBJECTIVES[name].is_cost else unit


def _print_recommended(console: "Console", point: "FrontPoint") -> None:
    console.print("recommended:")
    for path, value in point.changes.items():
        console.print(f"  {path} = {value}", soft_wrap=True)
    console.print(
        styled("  ", (f"{point.objectives['tokens_per_s']:,.1f} tokens/s", "bold"),
               f", {point.objectives['tokens_per_j']:.4g} tokens/J, {point.bound_fraction:.0%} of what "
               f"{point.binding} allows")
    )  # fmt: skip
    for gain in point.gains:
        more = (
            f"10 % more gives {gain.faster - 1:+.1%} tokens/s"
            if gain.faster is not None
            else f"10 % more is not possible: {gain.refused}"
        )
        console.print(f"  {gain.share:6.1%} of the time to {gain.resource}: {more}", soft_wrap=True)


def print_requirement(console: "Console", result: "Requirement") -> None:
    """Print what a target asks of each resource, and the smallest change that reaches the target."""
    run = result.result
    table = terminal_table(
        ("resource", ">must be", ">may be"),
        title=f"{run.name}, {run.phase} at context {run.context}: rates beside those of the system",
    )
    for need in result.needs:
        table.add_row(
            need.resource, f"{need.factor:.3g} x", "any" if need.most == float("inf") else f"{need.most:.3g} x"
        )
    console.print(table)
    console.print("smallest change:" if result.changes else "the system reaches the target as it is")
    for path, value in result.changes.items():
        console.print(f"  {path} = {value}", soft_wrap=True)
    console.print(
        styled("  ", (f"{run.tokens_per_s:,.1f} tokens/s", "bold"),
               f", {run.energy_j / run.tokens:.4g} J a token, bound by {run.bounds.binding}, exact; "
               f"{result.searched:,} changes estimated in {result.search_seconds:.2f} CPU-s")
    )  # fmt: skip


def print_suggestions(console: "Console", result: "Suggestions") -> None:
    """Print the changes of a system that give most for what they add."""
    now = result.now
    table = terminal_table(
        ("change", ">tokens/s", ">faster", ">share that becomes speed", ">energy", ">area mm2", "binding then"),
        title=f"now {now['tokens'] / now['seconds']:,.1f} tokens/s, bound by {now['binding']}",
        fold=("change",),
    )
    for each in result.best:
        outcome = each.outcome
        table.add_row(
            each.name,
            f"{outcome['tokens'] / outcome['seconds']:,.1f}",
            f"{each.faster - 1:+.1%}",
            f"{each.worth:.0%}",
            f"{each.joules - 1:+.1%}",
            f"{outcome['area_mm2'] - now['area_mm2']:+.3f}" if "area_mm2" in now else "-",
            outcome["binding"],
        )
    console.print(table)
    for each in result.best:
        console.print(
            f"  {each.name}: {', '.join(f'{path}={value}' for path, value in each.changes.items())}", soft_wrap=True
        )
    for name, reason in result.refused.items():
        console.print(f"  not possible: {name}: {reason}", soft_wrap=True)
