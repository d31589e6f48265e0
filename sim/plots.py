"""The picture of a run: where its time and its energy go."""

from collections.abc import Sequence
from pathlib import Path

from tilewright.base.drawing import (
    BAR_INCHES,
    BLUE,
    COLOURS,
    GREY,
    LABEL_SIZE,
    PANEL_TITLE_SIZE,
    TITLE_SIZE,
    new_figure,
    save,
    shortened,
)

SLIVER = 0.01
"""Share of the sum below which bars are drawn as one."""

Bars = Sequence[tuple[str, float]]
"""Labels and values."""
Ranges = Sequence[tuple[str, float, float, float]]
"""Labels, and a low, a middle and a high value."""


def longest_first(bars: Bars) -> list[tuple[str, float]]:
    """Return the bars by their values, the largest first."""
    return sorted(bars, key=lambda bar: -bar[1])


def folded(bars: Bars) -> list[tuple[str, float]]:
    """Return the bars, the longest first, with those below 1 % of the sum as a last one, if there are several."""
    ordered = longest_first(bars)
    slivers = [bar for bar in ordered if bar[1] < SLIVER * sum(value for _, value in bars)]
    if len(slivers) < 2:
        return ordered
    kept = ordered[: len(ordered) - len(slivers)]
    return [*kept, (f"{len(slivers)} others", sum(value for _, value in slivers))]


def _folded_ranges(ranges: Ranges) -> list[tuple[str, float, float, float]]:
    """Return the parts as :func:`folded` orders them, with those that it joins as one."""
    kept = folded([(label, value) for label, _, value, _ in ranges])
    known = {label: (low, value, high) for label, low, value, high in ranges}
    rest = [values for label, values in known.items() if label not in dict(kept)]
    joined = tuple(map(sum, zip(*rest, strict=True)))
    return [(label, *known.get(label, joined)) for label, _ in kept]


def breakdown(path: Path, title: str, *, time: Bars, bounds: Bars, energy: Ranges, operators: Ranges = ()) -> Path:
    """Draw where time and energy of a run go, with the run's bounds; write a PNG, return its path.

    Bars of energy are as long as the middle value, with a line from the low to the high one.
    Operators that take less than 1 % of the time or of the energy are drawn as one bar, if there are several. Each
    panel has a scale of its own, and each bar its number.

    Parameters
    ----------
    path : Path
        File to write.
    title : str
        Title of the picture.
    time : sequence of (label, microseconds)
        Parts of the time.
    bounds : sequence of (label, microseconds)
        The whole time and what bounds it.
    energy : sequence of (label, millijoules, millijoules, millijoules)
        Parts of the energy: low, middle and high figure.
    operators : sequence of (label, millijoules, millijoules, millijoules), optional
        The same energy by operators.
    """
    whole_time = sum(value for _, value in time)
    low, whole_energy, high = (sum(values) for values in zip(*(part[1:] for part in energy), strict=True))
    heading = f"energy: {whole_energy:,.4g} mJ" + (f", {low:,.4g} to {high:,.4g} mJ" if low < high else "")
    drawn = [
        (f"time: {whole_time:,.0f} µs", _exact(folded(time)), BLUE, "{:,.0f} µs", whole_time),
        ("bounds of the time", _exact(bounds), GREY, "{:,.0f} µs", whole_time),
        (heading, sorted(energy, key=lambda part: -part[2]), COLOURS[3], "{:,.4g} mJ", whole_energy),
    ]
    if operators:
        drawn.append(("energy by operator", _folded_ranges(operators), COLOURS[3], "{:,.4g} mJ", whole_energy))
    heights = [len(bars) + 1 for _, bars, *_ in drawn]  # and a line for the heading
    figure, grid = new_figure(len(drawn), 1, (8, BAR_INCHES * sum(heights) + 0.7), height_ratios=heights)
    figure.suptitle(title, fontsize=TITLE_SIZE)
    for axes, (heading, bars, colour, form, whole) in zip(grid, drawn, strict=True):
        labels = [shortened(label) for label, *_ in bars]
        values = [value for _, _, value, _ in bars]
        below, above = [value - low for _, low, value, _ in bars], [high - value for _, _, value, high in bars]
        lines = [below, above] if any(above) or any(below) else None
        rows = axes.barh(range(len(bars)), values, color=colour, xerr=lines)
        axes.set_yticks(range(len(bars)), labels)
        axes.set_ylim(len(bars) - 0.5, -0.5)
        shares = [f"{form.format(value)}  ({value / whole:.1%})" if whole else form.format(value) for value in values]
        axes.bar_label(rows, shares, padding=4, fontsize=LABEL_SIZE)
        axes.set_xlim(0, max((high for *_, high in bars), default=0) * 1.28 or 1)
        axes.set_xticks([])
        axes.tick_params(labelsize=LABEL_SIZE, left=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_title(heading, fontsize=PANEL_TITLE_SIZE, loc="left")
    return save(figure, path)


def _exact(bars: Bars) -> list[tuple[str, float, float, float]]:
    """Return bars whose values have no range."""
    return [(label, value, value, value) for label, value in bars]
