"""Prints what a search of precision found."""

from typing import TYPE_CHECKING

from tilewright.base.tables import terminal_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilewright.mapping.precision.plans.search import Measured, PrecisionResult

HEADINGS = {
    "perplexity": "perplexity",
    "perplexity_ratio": "of float64's",
    "kl": "KL, nats",
    "agreement": "same token",
    "cosine_mean": "cosine",
    "cosine_p1": "1st percentile",
    "cosine_least": "least",
    "rank_correlation": "rank correlation",
    "right": "right",
    "float_right": "right in float64",
}
"""Measures that the table has, by name."""
PERCENT = ("agreement", "right", "float_right")


def print_precision(console: "Console", result: "PrecisionResult") -> None:
    """Print plans and baselines, the ways of rounding, the matrices that lose most, and the first plan."""
    measures = [name for name in HEADINGS if name in result.plans[0].loss]
    costs = (">cycles", ">mJ") if result.plans[0].cost else ()
    same = {"agreement": "same class"} if "right" in measures else {}
    headings = ("weights", ">bits/weight", ">bytes", *costs, *(f">{(HEADINGS | same)[name]}" for name in measures))
    formats = {"activations": result.activations, "keys and values": result.cache}
    rounded = "".join(f", {what} {name}" for what, name in formats.items() if name)
    table = terminal_table(headings, title=f"{result.model}: {result.weights:,} weights{rounded}", fold=("weights",))
    for each in (*result.plans, *result.baselines):
        table.add_row(*_cells(each.name, each, measures))
    console.print(table)
    if any(each.cost and not each.cost.exact for each in (*result.plans, *result.baselines)):
        console.print("  * The system does not have these weights: cycles and energy are those of a format that it has")
    if result.gains:
        table = terminal_table(headings, title="ways of rounding", fold=("weights",))
        for method, each in result.gains.items():
            table.add_row(*_cells(f"{each.name}, {method}", each, measures))
        console.print(table)
    plan = result.plans[0]
    table = terminal_table(
        ("matrix", ">weights", ">loss alone, int4/32", "in the plan"), title=plan.name, fold=("matrix", "in the plan")
    )
    for sensed in sorted(result.sensitivities, key=lambda each: -each.loss):
        product = sensed.product
        table.add_row(product.name, f"{product.weights:,}", f"{sensed.loss:.6f}", plan.assignment[product.name].name)
    console.print(table)


def _cells(name: str, each: "Measured", measures: list[str]) -> list[str]:
    values = [f"{each.loss[m]:.2%}" if m in PERCENT else f"{each.loss[m]:.5f}" for m in measures]
    cost = each.cost
    mark = "" if cost is None or cost.exact else " *"
    costs = [f"{cost.cycles:,}{mark}", f"{1e3 * cost.energy_j:.4g}"] if cost else []
    return [name, f"{each.bits_per_weight:.3f}", f"{each.bytes:,.0f}", *costs, *values]
