"""Pictures of host cores: speed-up against frequency, and where the cycles of an instruction go."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Sequence[tuple[float, float]]
"""Frequencies in GHz and the values drawn over them."""

COLUMNS = 3
PALETTE = 128
"""Number of colours in a picture, shades of the edges of letters included."""
COLOURS = ("#999999", "#d55e00", "#e69f00", "#009e73", "#56b4e9", "#0072b2", "#cc79a7")
"""Colours of curves: grey, then colours that the colour-blind can tell apart. Source: Okabe and Ito, "Color Universal
Design", 2008."""


def draw_speedups(
    path: Path, title: str, predicted: Mapping[str, Mapping[str, Curve]], measured: Mapping[str, Mapping[str, Curve]]
) -> None:
    """Draw a panel for each workload: a line for each variant's prediction, points where it was measured; write a PNG.

    Parameters
    ----------
    path : Path
        File to write.
    title : str
        Title of the picture.
    predicted, measured : mapping
        Workload to variant to speed-up at frequencies; what was not measured may be missing.
    """
    figure, grid = panels(title, list(predicted), height=2.6)
    for axes, (workload, curves) in zip(grid, predicted.items(), strict=True):
        for colour, (variant, curve) in zip(COLOURS[1:], curves.items(), strict=False):
            axes.plot(*zip(*curve, strict=True), color=colour, linewidth=1.2, label=variant)
            if points := measured.get(workload, {}).get(variant):
                axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=3.5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(lambda value, _: "")
        axes.set_xticks([4, 10, 20, 50, 100])
        axes.set_yticks([1, 2, 5, 10, 20])
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.set_xlabel("GHz", fontsize=8)
    grid[0].set_ylabel("speed-up", fontsize=8)
    finish(figure, grid[0], path)


def draw_stacks(path: Path, title: str, stacks: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Draw a panel for each workload: a stacked bar of cycles an instruction for each label; write a PNG.

    Parameters
    ----------
    path : Path
        File to write.
    title : str
        Title of the picture.
    stacks : mapping
        Workload to label to part to cycles an instruction.
    """
    bars = max(len(labels) for labels in stacks.values())
    figure, grid = panels(title, list(stacks), height=0.9 + 0.24 * bars)
    for axes, labels in zip(grid, stacks.values(), strict=True):
        begin = [0.0] * len(labels)
        for colour, part in zip(COLOURS, next(iter(labels.values())), strict=True):
            widths = [stack[part] for stack in labels.values()]
            axes.barh(list(labels), widths, left=begin, color=colour, label=part)
            begin = [left + width for left, width in zip(begin, widths, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel("cycles an instruction", fontsize=8)
    finish(figure, grid[0], path)


def panels(title: str, names: Sequence[str], height: float) -> "tuple[Figure, list[Axes]]":
    """Return a figure with an axes for each name; a row has this height in inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    size = (max(3.4 * columns, 5), height * rows + 0.7)
    figure, axes_of = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=10)
    every: list[Any] = list(axes_of.flat)
    for axes in every[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(every, names, strict=False):
        axes.set_title(name, fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, every[: len(names)]


def finish(figure: "Figure", first: "Axes", path: Path) -> None:
    """Write a PNG with the legend of the first axes, if it has one, below all axes."""
    from matplotlib import pyplot as plt
    from PIL import Image

    handles, labels = first.get_legend_handles_labels()
    if labels:
        columns = min(len(labels), 4)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130, format="png")
    plt.close(figure)
    # A palette makes a third of the size.
    Image.open(drawn).convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(path, format="png", optimize=True)
