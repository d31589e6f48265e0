"""Pictures of docs/high-frequency-study.md."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from tilewright.base.drawing import (
    COLOURS,
    COLUMNS,
    GREY,
    LABEL_SIZE,
    MARKERS,
    TICK_SIZE,
    TITLE_SIZE,
    new_figure,
    panels,
    save,
)
from tilewright.gem5_configs.plots import Curve
from tilewright.gem5_configs.runs import BASELINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLOCK_TICKS = (1, 2, 4, 10, 20, 50, 100)
SPEEDUP_TICKS = (1, 2, 5, 10, 20)
BARS_WIDTH, BAR_INCHES = 8, 0.14
"""Inches of a picture of bars, and of a bar."""
DARK = 0.55
"""From which on numbers stand in white."""


def draw_variants(
    path: Path, title: str, predicted: Mapping[str, Mapping[str, Curve]], measured: Mapping[str, Mapping[str, Curve]]
) -> Path:
    """Draw a panel for each variant: speed-ups of all workloads, lines predicted, points measured; write a PNG.

    Parameters
    ----------
    predicted, measured : mapping
        Workload to variant to speed-up at frequencies in GHz.
    """
    variants = list(next(iter(predicted.values())))
    figure, grid = panels(title, variants, height=2.6)
    # Six colours and seven markers: no two of 42 workloads look alike.
    looks = list(zip(COLOURS[1:] * len(MARKERS), MARKERS * len(COLOURS[1:]), strict=True))
    for axes, variant in zip(grid, variants, strict=True):
        ghz = [point[0] for point in next(iter(predicted.values()))[variant]]
        axes.plot(ghz, [value / BASELINE.core_ghz for value in ghz], color=GREY, linestyle=":", label="as the clock")
        for (colour, marker), (workload, curves) in zip(looks, predicted.items(), strict=False):
            axes.plot(*zip(*curves[variant], strict=True), color=colour, linewidth=1.3)
            # By definition, where no other run at this clock was made.
            points = sorted({BASELINE.core_ghz: 1.0, **dict(measured.get(workload, {}).get(variant, []))}.items())
            axes.plot(*zip(*points, strict=True), marker, color=colour, markersize=4.5, label=workload)
        _log(axes, CLOCK_TICKS[2:], SPEEDUP_TICKS)
        axes.set_ylim(0.85, 30)
        axes.set_xlabel("GHz of the fast parts", fontsize=LABEL_SIZE)
    for axes in grid[::COLUMNS]:
        axes.set_ylabel("speed-up over 4 GHz", fontsize=LABEL_SIZE)
    return save(figure, path, legend_of=grid[0])


def draw_shares(path: Path, title: str, stacks: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Path:
    """Draw a panel for each workload: a bar of shares for each label, its sum at the end; write a PNG.

    Parameters
    ----------
    stacks : mapping
        Panel to label to part to cycles an instruction.
    """
    bars = max(len(labels) for labels in stacks.values())
    figure, grid = panels(title, list(stacks), height=1.0 + 0.22 * bars)
    for number, (axes, labels) in enumerate(zip(grid, stacks.values(), strict=True)):
        begin = [0.0] * len(labels)
        totals = [sum(stack.values()) for stack in labels.values()]
        for colour, part in zip(COLOURS, next(iter(labels.values())), strict=True):
            widths = [stack[part] / total for stack, total in zip(labels.values(), totals, strict=True)]
            axes.barh(list(labels), widths, left=begin, color=colour, label=part, edgecolor="white", linewidth=0.4)
            begin = [left + width for left, width in zip(begin, widths, strict=True)]
        for row, total in enumerate(totals):
            axes.text(1.02, row, f"{total:.2f}", fontsize=TICK_SIZE, va="center")
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
        if number % COLUMNS:
            axes.set_yticklabels([])
    return save(figure, path, legend_of=grid[0])


def draw_busy(path: Path, title: str, tables: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Path:
    """Draw a panel for each workload: a grid of how busy each level is, a row for each label; write a PNG.

    Parameters
    ----------
    tables : mapping
        Workload to label to level to share of the time; over 1 is drawn as 1, with its number.
    """
    rows = max(len(labels) for labels in tables.values())
    figure, grid = panels(title, list(tables), height=0.7 + 0.28 * rows)
    for number, (axes, labels) in enumerate(zip(grid, tables.values(), strict=True)):
        values = [list(levels.values()) for levels in labels.values()]
        axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (y, line), x in product(enumerate(values), range(len(values[0]))):
            colour = "white" if line[x] > DARK else "black"
            axes.text(x, y, f"{line[x]:.0%}", ha="center", va="center", fontsize=TICK_SIZE, color=colour)
        axes.set_xticks(range(len(values[0])), list(next(iter(labels.values()))))
        axes.set_yticks(range(len(labels)), list(labels) if number % COLUMNS == 0 else [""] * len(labels))
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
    return save(figure, path, legend_of=grid[0])


def draw_clocks(path: Path, title: str, kept: Mapping[str, Mapping[str, Curve]], share: float) -> Path:
    """Draw a panel for each workload: the share of its speed-up that is left, over the clock of one part; write a PNG.

    Parameters
    ----------
    kept : mapping
        Workload to part to share at frequencies in GHz.
    share : float
        At which a line is drawn.
    """
    figure, grid = panels(title, list(kept), height=2.6)
    for axes, curves in zip(grid, kept.values(), strict=True):
        axes.axhline(share, color=GREY, linestyle=":", label=f"{share:.0%}")
        for colour, marker, (part, curve) in zip(COLOURS[1:], MARKERS, curves.items(), strict=False):
            axes.plot(*zip(*curve, strict=True), color=colour, linewidth=1.3, marker=marker, markersize=3, label=part)
        axes.set_xscale("log")
        axes.set_xticks(CLOCK_TICKS, [f"{value:g}" for value in CLOCK_TICKS])
        axes.set_xticks([], minor=True)
        axes.set_ylim(0, 1.05)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.set_xlabel("GHz of the slow part", fontsize=LABEL_SIZE)
    for axes in grid[::COLUMNS]:
        axes.set_ylabel("share of the speed-up", fontsize=LABEL_SIZE)
    return save(figure, path, legend_of=grid[0])


def draw_bars(path: Path, title: str, bars: Mapping[str, Mapping[str, float]]) -> Path:
    """Draw a group of horizontal bars for each workload, a number at the end of each, and a line at 1; write a PNG.

    Each bar has a line of its own, so numbers never lie on one another.

    Parameters
    ----------
    bars : mapping
        Label to workload to speed.
    """
    workloads = list(dict.fromkeys(workload for speeds in bars.values() for workload in speeds))
    figure, (axes,) = new_figure(1, 1, (BARS_WIDTH, BAR_INCHES * (len(bars) + 1) * len(workloads) + 1.2))
    figure.suptitle(title, fontsize=TITLE_SIZE)
    width = 1 / (len(bars) + 1)  # a bar's width is left free between workloads
    for number, (colour, (label, speeds)) in enumerate(zip(COLOURS, bars.items(), strict=False)):
        places = [workloads.index(workload) + (number - (len(bars) - 1) / 2) * width for workload in speeds]
        drawn = axes.barh(places, list(speeds.values()), 0.92 * width, color=colour, label=label)
        axes.bar_label(drawn, fmt="%.3g", fontsize=TICK_SIZE, padding=2)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(workloads)), workloads)
    axes.set_ylim(len(workloads) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.08 * max(speed for speeds in bars.values() for speed in speeds.values()))
    axes.set_xlabel("times as fast", fontsize=LABEL_SIZE)
    return save(figure, path, legend_of=axes)


def _log(axes: "Axes", x_ticks: Sequence[float], y_ticks: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(x_ticks, [f"{value:g}" for value in x_ticks])
    axes.set_yticks(y_ticks, [f"{value:g}" for value in y_ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([], minor=True)
    axes.grid(alpha=0.25, linewidth=0.5)
