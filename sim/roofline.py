"""The roofline picture of a run: operators by what they compute for each byte, under the roofs of their system.

Source: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52(4), 2009.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.drawing import GREY, LABEL_SIZE, TITLE_SIZE, add_grid, look, new_figure, save, shortened

NAMED = 8
"""Largest number of operators with a colour and a name of their own."""
SMALLEST, LARGEST = 12.0, 260.0
"""Areas in square points of the marker of an operator without time, and of one with all of it."""


@dataclass(frozen=True)
class RooflinePoint:
    """Work, traffic and time of an operator."""

    name: str
    macs: int
    bytes: int
    """Number of bytes to and from main memory."""
    seconds: float

    @property
    def intensity(self) -> float:
        """Number of multiply-accumulates for each byte."""
        return self.macs / self.bytes

    @property
    def gmacs_per_s(self) -> float:
        """Rate in thousand millions of multiply-accumulates a second."""
        return self.macs / self.seconds / 1e9


def roofline(
    path: Path, title: str, *, operators: Sequence[RooflinePoint], run: RooflinePoint, gbytes_per_s: float,
    peaks: Mapping[str, float],
) -> Path:  # fmt: skip
    """Draw operators under the roofs of a system; write a PNG, return its path.

    Both axes are logarithmic. The larger an operator's share of the time, the larger its marker. Operators without
    multiply-accumulates, bytes or time are left out. The time of an operator is what it adds to the run: one whose work
    is hidden behind another's can lie above a roof, and the whole run cannot.

    Parameters
    ----------
    operators : sequence of RooflinePoint
        The operators; the eight that take longest have names.
    run : RooflinePoint
        The whole run.
    gbytes_per_s : float
        Rate of main memory: the slanted roof.
    peaks : mapping of str to float
        Rates of the engines, in thousand millions of multiply-accumulates a second: the level roofs.
    """
    figure, [axes] = new_figure(1, 1, (7, 4.8))
    figure.suptitle(title, fontsize=TITLE_SIZE)
    shown = [each for each in operators if each.macs and each.bytes and each.seconds]
    shown.sort(key=lambda each: -each.seconds)
    ridges = [peak / gbytes_per_s for peak in peaks.values()]
    intensities = [each.intensity for each in (*shown, run)]
    left, right = min(*intensities, *ridges) / 2, max(*intensities, *ridges) * 2
    for at, (name, peak) in enumerate(peaks.items()):
        style = ("--", ":", "-.")[at % 3]
        axes.plot(
            [peak / gbytes_per_s, right], [peak, peak], color="black", lw=1.2, ls=style,
            label=f"{name}: {peak:,.0f} GMAC/s",
        )  # fmt: skip
    highest = max(peaks.values())
    axes.plot(
        [left, highest / gbytes_per_s], [left * gbytes_per_s, highest], color="black", lw=1.2,
        label=f"main memory: {gbytes_per_s:,.4g} GB/s",
    )  # fmt: skip
    for at, each in enumerate(shown):
        named = at < NAMED
        colour, marker = look(at) if named else (GREY, ".")
        axes.scatter(
            [each.intensity], [each.gmacs_per_s],
            s=SMALLEST + (LARGEST - SMALLEST) * each.seconds / run.seconds,
            color=colour, marker=marker,
            label=f"{shortened(each.name)} ({each.seconds / run.seconds:.1%})" if named else None,
            alpha=0.8, linewidths=0, zorder=3,
        )  # fmt: skip
    if len(shown) > NAMED:
        others = len(shown) - NAMED
        axes.scatter([], [], s=SMALLEST, color=GREY, marker=".", label=f"{others} other{'s' * (others > 1)}")
    axes.scatter(
        [run.intensity], [run.gmacs_per_s], s=LARGEST, facecolors="none", edgecolors="black", marker="*",
        label="whole run", zorder=4,
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlim(left, right)
    axes.set_xlabel("multiply-accumulates for each byte of main memory", fontsize=LABEL_SIZE)
    axes.set_ylabel("GMAC/s", fontsize=LABEL_SIZE)
    add_grid(axes)
    return save(figure, path, legend_of=axes, legend_columns=2)
