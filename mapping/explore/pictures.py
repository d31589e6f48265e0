"""The picture of a front: two objectives of each design, coloured by what binds it, above the designs behind it."""

from pathlib import Path

from tilewright.base.drawing import COLOURS, GREY, LABEL_SIZE, MARKERS, TITLE_SIZE, new_figure, save
from tilewright.mapping.explore.objectives import OBJECTIVES
from tilewright.mapping.explore.result import Exploration


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
        colour, marker = COLOURS[1 + at % (len(COLOURS) - 1)], MARKERS[at % len(MARKERS)]
        axes.scatter(
            [each[x] for each in points], [each[y] for each in points], s=34, color=colour, marker=marker,
            label=f"front, bound by {binding}", zorder=3,
        )  # fmt: skip
    best = result.recommended.objectives
    axes.scatter([best[x]], [best[y]], s=170, facecolors="none", edgecolors="black", label="recommended", zorder=4)
    for name, label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
        quantity = name.rpartition("_")[0].replace("_", " ") if OBJECTIVES[name].is_cost else ""
        label(f"{quantity}, {OBJECTIVES[name].unit}".removeprefix(", "), fontsize=LABEL_SIZE)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_offset_text().set_fontsize(LABEL_SIZE)
    axes.grid(color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)
    return save(figure, path, legend_of=axes)
