"""Prints the share of right answers of the project's own model by format and plan.

    python -m benchmarks.precision_answers

The weights of `slate-132k` are rounded with compensation, and every fourth of 1,626 held-out questions is asked, in
float64: an answer is right if all of its words are. docs/precision.md contains the table.
"""

from collections.abc import Sequence
from dataclasses import replace

import tilewright as tw
from benchmarks.own_model.score import NAME, in_float64, scores, shuffled
from tilewright.base.tables import markdown_table
from tilewright.mapping.models.readers import Checkpoint, read_model
from tilewright.mapping.precision.plans.assignment import Assignment
from tilewright.mapping.precision.plans.storage import parse_storages

EVERY, QUESTIONS = 4, 300
"""Every so many of the questions are asked, of which there are ``QUESTIONS`` random ones of some kinds."""
TOKENS = 512
"""Number of tokens of the calibration text, which the model writes itself."""
UNIFORM = (
    "int3/channel,int4/channel,int5/channel,int8/channel,fp4_e2m1/channel,mxfp4,posit4_1/channel,posit5_1/channel,"
    "posit8_0/channel,bf16"
)
BUDGETS = (3.5, 4, 5, 6)


def share(checkpoint: Checkpoint, questions: Sequence) -> str:
    """Return the share of right answers."""
    found = scores(checkpoint, in_float64(checkpoint), questions)
    right, asked = (sum(getattr(each, name) for each in found.values()) for name in ("right", "asked"))
    return f"{right / asked:.1%}"


def main() -> None:
    """Ask, and print the table."""
    checkpoint, questions = read_model(NAME), shuffled(QUESTIONS)[::EVERY]
    found = tw.precision(
        NAME, budget=BUDGETS, formats="int3/channel,int4/channel,int5/channel,int8/channel", tokens=TOKENS,
        baselines=False,
    )  # fmt: skip
    products = [each.product for each in found.sensitivities]
    ways: dict[str, Assignment] = {
        f"`{each.name}`": {product.name: each for product in products} for each in parse_storages(UNIFORM)
    }
    ways |= {f"**{each.name}**": each.assignment for each in found.plans}
    rows = []
    for name, assignment in ways.items():
        bits = sum(assignment[each.name].bits(each.outputs, each.inputs) for each in products)
        rounded = replace(checkpoint, tensors=found.rounded(assignment))
        rows.append((name, f"{bits / found.weights:.3f}", f"{bits / 8:,.0f}", share(rounded, questions)))
    rows.sort(key=lambda row: float(row[1]))
    rows.append(("float64", "", "", share(checkpoint, questions)))
    print(markdown_table(("weights", ">bits/weight", ">bytes", f">right, of {len(questions)}"), rows))


if __name__ == "__main__":
    main()
