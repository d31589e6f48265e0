"""Pictures of host cores: speed-up against frequency, and where the cycles of an instruction go."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tilewright.base.drawing import COLOURS, COLUMNS, LABEL_SIZE, TICK_SIZE, panels, save

Curve = Sequence[tuple[float, float]]
"""Frequencies in GHz and the values drawn over them."""


def draw_speedups(
    path: Path, title: str, predicted: Mapping[str, Mapping[str, Curve]], measured: Mapping[str, Mapping[str, Curve]]
) -> Path:
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
    figure, grid = panels(title, list(predicted), height=2.6, sharey=True)
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
        axes.set_xlabel("GHz", fontsize=LABEL_SIZE)
    for axes in grid[::COLUMNS]:
        axes.set_ylabel("speed-up", fontsize=LABEL_SIZE)
    return save(figure, path, legend_of=grid[0])


def draw_stacks(path: Path, title: str, stacks: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Path:
    """Draw a panel for each workload: a stacked bar of cycles an instruction for each label; write a PNG.

    All panels have one scale, and the sum stands at the end of each bar.

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
    most = max(sum(stack.values()) for labels in stacks.values() for stack in labels.values())
    figure, grid = panels(title, list(stacks), height=0.9 + 0.24 * bars, sharex=True)
    for axes, labels in zip(grid, stacks.values(), strict=True):
        begin = [0.0] * len(labels)
        for colour, part in zip(COLOURS, next(iter(labels.values())), strict=True):
            widths = [stack[part] for stack in labels.values()]
            axes.barh(list(labels), widths, left=begin, color=colour, label=part)
            begin = [left + width for left, width in zip(begin, widths, strict=True)]
        for row, total in enumerate(begin):
            axes.text(total + 0.02 * most, row, f"{total:.2f}", fontsize=TICK_SIZE, va="center")
        axes.invert_yaxis()
        axes.set_xlim(0, 1.15 * most)
        axes.set_xlabel("cycles an instruction", fontsize=LABEL_SIZE)
    return save(figure, path, legend_of=grid[0])
