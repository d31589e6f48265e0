"""Pictures of a run."""

from collections.abc import Sequence
from pathlib import Path

from tilewright.base.drawing import BLUE, GREY, LABEL_SIZE, TITLE_SIZE, new_figure, save


def breakdown(
    path: Path, title: str, bars: Sequence[tuple[str, float]], bounds: Sequence[tuple[str, float]], unit: str
) -> Path:
    """Draw horizontal bars, the longest on top, above bars of the total and its bounds; write a PNG, return its path.

    Parameters
    ----------
    path : Path
        File to write.
    title : str
        Title of the picture.
    bars, bounds : sequence of (label, value)
        Parts of the total; the total and what bounds it.
    unit : str
        Unit of the values.
    """
    bars = sorted(bars, key=lambda bar: bar[1])
    total = sum(value for _, value in bars)
    height = 0.28 * (len(bars) + len(bounds)) + 1.6
    figure, (upper, lower) = new_figure(2, 1, (8, height), height_ratios=(len(bars), len(bounds)))
    # One scale for parts and totals would hide the parts: each axis has its own.
    for axes, rows, colour in ((upper, bars, BLUE), (lower, list(bounds)[::-1], GREY)):
        drawn = axes.barh([label for label, _ in rows], [value for _, value in rows], color=colour)
        labels = [f"{value:,.0f} {unit}  ({value / total:.1%})" for _, value in rows]
        axes.bar_label(drawn, labels, padding=4, fontsize=LABEL_SIZE)
        axes.set_xlim(0, max(value for _, value in rows) * 1.28)
        axes.tick_params(labelsize=LABEL_SIZE, left=False)
        axes.spines["left"].set_visible(False)
    upper.set_title(title, fontsize=TITLE_SIZE, loc="left")
    lower.set_xlabel(unit, fontsize=LABEL_SIZE)
    return save(figure, path)
