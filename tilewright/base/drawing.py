"""Pictures: the colours that all of them have, panels side by side, and files that are small.

matplotlib and Pillow are imported when something is drawn.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilewright.base.files import write_bytes
from tilewright.base.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = "#999999"
BLUE = "#0072b2"
COLOURS = (GREY, "#d55e00", "#e69f00", "#009e73", "#56b4e9", BLUE, "#cc79a7")
"""Grey, then colours that the colour-blind tell apart. Source: Okabe and Ito, "Color Universal Design", 2008."""
MARKERS = "osD^vPX"
TITLE_SIZE, PANEL_TITLE_SIZE, LABEL_SIZE, TICK_SIZE = 10, 9, 8, 7
"""Font sizes in points."""
DPI = 130
SHADES = 128
"""Number of colours of a file, shades at the edges of letters included."""
COLUMNS = 3
"""Number of panels side by side."""
BAR_INCHES = 0.24
"""Height of a bar beside a name."""
LONGEST_LABEL = 32
"""Number of characters of a name that fit beside a bar."""


def new_figure(rows: int, columns: int, size: tuple[float, float], **options: Any) -> "tuple[Figure, list[Axes]]":
    """Return a figure of so many inches, and its axes row by row, each with lines on the left and below only."""
    import matplotlib

    matplotlib.use("Agg")
    # Names are text: dollars in them are no formulas.
    matplotlib.rcParams["text.parse_math"] = False
    from matplotlib import pyplot as plt

    figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, **options)
    every: list[Any] = list(grid.flat)
    for axes in every:
        axes.tick_params(labelsize=TICK_SIZE)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, every


def panels(
    title: str, names: Sequence[str], height: float, *, sharex: bool = False, sharey: bool = False
) -> "tuple[Figure, list[Axes]]":
    """Return a figure and an axes for each name, in rows of so many inches.

    Parameters
    ----------
    sharex, sharey : bool
        Whether all panels have one scale; each still shows its numbers.
    """
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    size = (max(3.4 * columns, 5), height * rows + 0.7)
    figure, every = new_figure(rows, columns, size, sharex=sharex, sharey=sharey)
    figure.suptitle(title, fontsize=TITLE_SIZE)
    for axes in every[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(every, names, strict=False):
        axes.set_title(name, fontsize=PANEL_TITLE_SIZE, loc="left")
        axes.tick_params(labelbottom=True, labelleft=True)
    return figure, every[: len(names)]


def look(number: int) -> tuple[str, str]:
    """Return the colour and the marker of a series by its number; after the last, the first comes again."""
    return COLOURS[1 + number % (len(COLOURS) - 1)], MARKERS[number % len(MARKERS)]


def add_grid(axes: "Axes") -> None:
    """Draw faint lines behind the points of a panel."""
    axes.grid(color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)


def shortened(name: str) -> str:
    """Return a name as it fits beside a bar; the end of a longer one becomes an ellipsis."""
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def save(figure: "Figure", path: Path, *, legend_of: "Axes | None" = None, legend_columns: int = 4) -> Path:
    """Write a PNG, close the figure and return the path; below all panels stands the legend of the named axes, if any.

    Parameters
    ----------
    legend_columns : int
        Largest number of names side by side.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    from matplotlib import pyplot as plt
    from matplotlib.text import Text
    from PIL import Image

    if legend_of is not None:
        handles, labels = legend_of.get_legend_handles_labels()
        if labels:
            columns = min(len(labels), legend_columns)
            figure.legend(
                handles, labels, loc="outside lower center", ncols=columns, fontsize=LABEL_SIZE, frameon=False
            )
    for text in figure.findobj(Text):
        text.set_text(printable(text.get_text()))
    drawn, small = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        # The font has no Chinese, among others; a box stands for such a letter.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(drawn, dpi=DPI, format="png")
    plt.close(figure)
    # A palette makes a third of the size.
    Image.open(drawn).convert("RGB").quantize(SHADES, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return write_bytes(path, small.getvalue())
