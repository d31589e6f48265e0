"""Pictures of a run."""

from collections.abc import Sequence
from pathlib import Path


def breakdown(
    path: Path, title: str, bars: Sequence[tuple[str, float]], bounds: Sequence[tuple[str, float]], unit: str
) -> None:
    """Draw horizontal bars, the longest on top, above bars of the total and its bounds; write a PNG.

    Parameters
    ----------
    path : Path
        File to write.
    title : str
        What was run on what.
    bars, bounds : sequence of (label, value)
        Parts of the total; the total and what bounds it.
    unit : str
        Unit of the values.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    bars = sorted(bars, key=lambda bar: bar[1])
    total = sum(value for _, value in bars)
    height = 0.28 * (len(bars) + len(bounds)) + 1.6
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8, height), height_ratios=(len(bars), len(bounds)), layout="constrained"
    )
    # One scale for parts and totals would hide the parts: each axis has its own.
    for axes, rows, colour in ((upper, bars, "#3b6ea5"), (lower, list(bounds)[::-1], "#8a8f98")):
        drawn = axes.barh([label for label, _ in rows], [value for _, value in rows], color=colour)
        labels = [f"{value:,.0f} {unit}  ({value / total:.1%})" for _, value in rows]
        axes.bar_label(drawn, labels, padding=4, fontsize=8)
        axes.set_xlim(0, max(value for _, value in rows) * 1.28)
        axes.tick_params(labelsize=8, left=False)
        axes.spines[["top", "right", "left"]].set_visible(False)
    upper.set_title(title, fontsize=10, loc="left")
    lower.set_xlabel(unit, fontsize=8)
    figure.savefig(path, dpi=150, format="png")
    plt.close(figure)
