"""Writes docs/models.md: the families of models, and what the shipped models take on the preset edge-int8.

    python -m benchmarks.model_table

Takes about ten minutes of CPU time, most of it for prompts.
"""

from pathlib import Path

from rich.console import Console

import tilewright as tw
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.models.families import about
from tilewright.mapping.models.load import shipped_folder

TEMPLATE = Path(__file__).with_suffix(".md")
PAGE = Path(__file__).parents[1] / "docs" / "models.md"
SYSTEM = "edge-int8"
RUNS = (("decode", 1024), ("prefill", 128))
"""Phase and context of each run."""
HEADINGS = (
    "model", "parameters", "token, cycles", "tokens/s", "bound / run", "prompt, cycles", "tokens/s", "tokens a chunk",
    "bound / run",
)  # fmt: skip


def names() -> list[str]:
    """Return the names of the models of the table: the published ones, which come without weights."""
    return [name for name in tw.model_names() if not shipped_folder(name)]


def row(name: str) -> tuple[str, ...]:
    """Return the row of a model."""
    decode, prefill = (tw.map(name, SYSTEM, phase=phase, context=context) for phase, context in RUNS)
    return (
        name,
        f"{decode.model.parameters:,}",
        f"{decode.cycles:,}",
        f"{decode.tokens_per_s:.1f}",
        f"{decode.bound_fraction:.1%}",
        f"{prefill.cycles:,}",
        f"{prefill.tokens_per_s:.1f}",
        f"{max(prefill.chunks)}",
        f"{prefill.bound_fraction:.1%}",
    )


def main() -> None:
    """Run every model in both phases, and write the page."""
    rows = []
    for name in names():
        rows.append(row(name))
        Console().print("  ".join(rows[-1]), highlight=False, soft_wrap=True)
    families = markdown_table(("`model_type`", "what it is"), ((f"`{name}`", text) for name, text in about().items()))
    write_text(PAGE, filled(TEMPLATE, {"families": families, "models": markdown_table(HEADINGS, rows)}))


if __name__ == "__main__":
    main()
