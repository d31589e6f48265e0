"""The picture of a search: loss against bits a weight, plans beside baselines."""

from pathlib import Path

from tilewright.base.drawing import COLOURS, LABEL_SIZE, MARKERS, TICK_SIZE, TITLE_SIZE, new_figure, save

from .search import PrecisionResult

KINDS = (("uniform", 0), ("random", 2), ("by layer", 4), ("plan", 5))
"""Kinds of assignments, and the numbers of their colours."""

TICKS = (2, 3, 4, 5, 6, 8, 16)
"""Bits that the axis names."""


def draw_front(path: Path, result: PrecisionResult) -> Path:
    """Draw the loss on the selection text against bits a weight; write a PNG, return its path."""
    figure, [axes] = new_figure(1, 1, (8, 6))
    measured = [*result.baselines, *result.plans]
    for number, (kind, colour) in enumerate(KINDS):
        points = sorted(
            (each.bits_per_weight, each.selection_loss, each.name) for each in measured if each.kind == kind
        )
        if not points:
            continue
        bits, losses, _ = zip(*points, strict=True)
        line = "-" if kind == "plan" else "none"
        axes.plot(bits, losses, linestyle=line, marker=MARKERS[number], color=COLOURS[colour], label=kind, markersize=5)
        if kind == "uniform":
            for at, loss, name in points:
                axes.annotate(name, (at, loss), xytext=(5, 2), textcoords="offset points", fontsize=TICK_SIZE - 1)
    if all(each.selection_loss > 0 for each in measured):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xscale("log")
    axes.set_xticks(TICKS, map(str, TICKS))
    axes.minorticks_off()
    axes.set_xlabel("bits a weight, scales included", fontsize=LABEL_SIZE)
    axes.set_ylabel("loss on the selection text", fontsize=LABEL_SIZE)
    axes.set_title(f"{result.model}: loss against bits a weight", fontsize=TITLE_SIZE)
    axes.grid(True, linewidth=0.3)
    return save(figure, path, legend_of=axes)
