"""Pictures of a front: two objectives of each design above the designs behind it, and what their time goes to."""

from pathlib import Path

from tilewright.base.drawing import BAR_INCHES, GREY, LABEL_SIZE, TITLE_SIZE, add_grid, look, new_figure, save
from tilewright.mapping.explore.objectives import OBJECTIVES
from tilewright.mapping.explore.result import Exploration, FrontPoint

LONGEST_FRONT = 20
"""Largest number of designs whose shares are drawn."""


def axes_of(result: Exploration) -> tuple[str, str]:
    """Return the two objectives that pictures show: the first two, or the only one and another one."""
    x, *others = result.space.names
    return x, next(iter(others), "energy_j" if x != "energy_j" else "latency_s")


def draw_front(path: Path, result: Exploration) -> Path:
    """Write a PNG of the front; return its path.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    x, y = axes_of(result)
    figure, [axes] = new_figure(1, 1, (7, 4.6))
    runs = ", ".join(run.label for run in result.space.runs)
    figure.suptitle(f"{result.space.base.name}: designs for {runs}", fontsize=TITLE_SIZE)
    axes.scatter(
        result.ran.values(x), result.ran.values(y), s=9, color=GREY, alpha=0.5, linewidths=0, label="dominated, exact"
    )
    bindings = list(dict.fromkeys(point.binding for point in result.front))
    for at, binding in enumerate(bindings):
        points = [point.objectives for point in result.front if point.binding == binding]
        colour, marker = look(at)
        axes.scatter(
            [each[x] for each in points], [each[y] for each in points], s=34, color=colour, marker=marker,
            label=f"front, bound by {binding}", zorder=3,
        )  # fmt: skip
    best = result.recommended.objectives
    axes.scatter([best[x]], [best[y]], s=170, facecolors="none", edgecolors="black", label="recommended", zorder=4)
    for name, label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
        label(_quantity(name), fontsize=LABEL_SIZE)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_offset_text().set_fontsize(LABEL_SIZE)
    add_grid(axes)
    return save(figure, path, legend_of=axes)


def draw_gains(path: Path, result: Exploration) -> Path:
    """Write a PNG of the shares of the time that go to each resource, a bar for each design of the front.

    At most twenty designs are drawn, evenly chosen along the front, its two ends and the recommended one among them.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    shown = _chosen(result)
    x, _ = axes_of(result)
    figure, [axes] = new_figure(1, 1, (7, 1.6 + BAR_INCHES * len(shown)))
    figure.suptitle(f"{result.space.base.name}: what the time of each design goes to", fontsize=TITLE_SIZE)
    begin = [0.0] * len(shown)
    for at, resource in enumerate(gain.resource for gain in shown[0].gains):
        shares = [point.gains[at].share for point in shown]
        axes.barh(range(len(shown)), shares, left=begin, color=look(at)[0], label=resource)
        begin = [before + share for before, share in zip(begin, shares, strict=True)]
    labels = [f"{point.objectives[x]:,.4g}" for point in shown]
    axes.set_yticks(range(len(shown)), labels)
    for text, point in zip(axes.get_yticklabels(), shown, strict=True):
        text.set_fontweight("bold" if point.number == result.recommended.number else "normal")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, max(*begin, 1))
    axes.set_ylabel(f"{_quantity(x)}; bold: recommended", fontsize=LABEL_SIZE)
    axes.xaxis.set_major_formatter("{x:.0%}")
    return save(figure, path, legend_of=axes)


def _chosen(result: Exploration) -> list[FrontPoint]:
    front, most = result.front, LONGEST_FRONT
    if len(front) <= most:
        return list(front)
    best = [point.number for point in front].index(result.recommended.number)
    evenly = {round(at * (len(front) - 1) / (most - 2)) for at in range(most - 1)}
    return [front[at] for at in sorted(evenly | {best})]


def _quantity(name: str) -> str:
    """Return the label of the axis of an objective."""
    quantity = name.rpartition("_")[0].replace("_", " ") if OBJECTIVES[name].is_cost else ""
    return f"{quantity}, {OBJECTIVES[name].unit}".removeprefix(", ")
