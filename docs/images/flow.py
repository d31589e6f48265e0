"""Draws docs/images/flow.png, the block diagram of README: the flow above, the accelerator that it generates below.

make diagram
"""

from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from tilewright.base.drawing import BLUE, COLOURS, GREY, LABEL_SIZE, PANEL_TITLE_SIZE, new_figure, save

WIDTH, HEIGHT = 10.6, 5.7
"""Size of the picture in inches; all coordinates are in inches, too."""
ORANGE, GREEN = COLOURS[2], COLOURS[3]
PALE = 0.14
"""Opacity of the colour that fills a box."""


class Box(NamedTuple):
    """A rectangle with a bold first line and smaller lines below it."""

    left: float
    bottom: float
    width: float
    height: float
    title: str
    text: str = ""
    colour: str = BLUE

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.bottom + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Centre."""
        return self.left + self.width / 2, self.bottom + self.height / 2

    def draw(self, axes: Axes) -> None:
        """Draw the box and its text."""
        shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "linewidth": 1.1}
        corner = (self.left, self.bottom)
        axes.add_patch(FancyBboxPatch(corner, self.width, self.height, fc=self.colour, ec="none", alpha=PALE, **shape))
        axes.add_patch(FancyBboxPatch(corner, self.width, self.height, fc="none", ec=self.colour, **shape))
        x, y = self.middle
        lines = self.text.count("\n") + 1 if self.text else 0
        look = {"ha": "center", "va": "center"}
        axes.text(x, y + 0.085 * lines, self.title, fontsize=PANEL_TITLE_SIZE, weight="bold", **look)
        if lines:
            axes.text(x, y - 0.09, self.text, fontsize=LABEL_SIZE, linespacing=1.25, **look)


MODEL = Box(0.1, 4.75, 1.75, 0.8, "Model", "Hugging Face\nconfig.json", GREY)
SYSTEM = Box(0.1, 3.3, 1.75, 0.8, "System", "TOML: array, lanes,\nmemory, clock, host", GREY)
MAPPER = Box(2.45, 4.75, 1.9, 0.8, "Mapper", "operators, lowering,\ncompiler")
PROGRAM = Box(4.95, 4.75, 1.5, 0.8, "Program", "commands of\n64 bytes", GREY)
EXACT = Box(7.05, 4.75, 1.6, 0.8, "Exact model", "bits and cycles")
REPORT = Box(9.2, 4.75, 1.3, 0.8, "Report", "tokens/s, bounds,\nenergy, timeline", GREY)
GENERATOR = Box(2.45, 3.3, 1.9, 0.8, "Generator", "Amaranth")
VERILOG = Box(4.95, 3.3, 1.5, 0.8, "Verilog", "portable, also to\nsynthesis", GREY)
BENCH = Box(7.05, 3.3, 1.6, 0.8, "RTL", "Verilator, cocotb", ORANGE)
FLOW = (MODEL, SYSTEM, MAPPER, PROGRAM, EXACT, REPORT, GENERATOR, VERILOG, BENCH)

REGISTERS = Box(0.4, 1.55, 1.75, 0.85, "Registers", "AXI4-Lite", GREY)
COMMANDS = Box(2.55, 1.55, 1.75, 0.85, "Command\nprocessor")
UNITS_FRAME = Box(4.63, 1.43, 5.79, 1.09, "")
PORT = Box(0.4, 0.3, 1.75, 0.85, "AXI4 master", "commands, data\nand weights", GREY)
UNITS = tuple(
    Box(4.75 + 1.13 * index, 1.55, 1.03, 0.85, title, text)
    for index, (title, text) in enumerate(
        (
            ("Load", "data, weights"),
            ("CIM array", "INT4, INT8,\nFP4, MXFP4"),
            ("Vector", "softmax,\nnorms, ..."),
            ("Store", ""),
            ("NPE", "optional"),
        )
    )
)
SCRATCHPAD = Box(2.55, 0.3, UNITS[3].right - 2.55, 0.85, "Scratchpad", "between all units but the NPE", GREEN)
NPE_PORT = Box(UNITS[4].left, 0.3, UNITS[4].width, 0.85, "AXI4", "its own port", GREY)
ACCELERATOR = (REGISTERS, COMMANDS, PORT, UNITS_FRAME, *UNITS, SCRATCHPAD, NPE_PORT)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], style: str = "-|>") -> None:
    """Draw an arrow."""
    look = {"arrowstyle": style, "color": "black", "linewidth": 1, "shrinkA": 1, "shrinkB": 1, "mutation_scale": 9}
    axes.annotate("", end, start, arrowprops=look)


def across(axes: Axes, start: Box, end: Box, style: str = "-|>") -> None:
    """Draw an arrow from the right of a box to the left of another beside it."""
    arrow(axes, (start.right, start.middle[1]), (end.left, end.middle[1]), style)


def upright(axes: Axes, upper: Box, lower: Box, style: str = "-|>") -> None:
    """Draw an arrow down from a box to one below it, at the middle of the narrower one."""
    x = min(upper, lower, key=lambda box: box.width).middle[0]
    arrow(axes, (x, upper.bottom), (x, lower.top), style)


def main() -> None:
    """Draw the picture."""
    figure, (axes,) = new_figure(1, 1, (WIDTH, HEIGHT))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    axes.axis("off")
    for box in (*FLOW, *ACCELERATOR):
        box.draw(axes)

    for start, end in ((MODEL, MAPPER), (MAPPER, PROGRAM), (PROGRAM, EXACT), (EXACT, REPORT), (SYSTEM, GENERATOR),
                       (GENERATOR, VERILOG), (VERILOG, BENCH)):  # fmt: skip
        across(axes, start, end)
    arrow(axes, (SYSTEM.right, SYSTEM.top), (MAPPER.left, MAPPER.bottom))
    arrow(axes, (PROGRAM.right, PROGRAM.bottom), (BENCH.left, BENCH.top))
    upright(axes, EXACT, BENCH, "<|-|>")
    x, y = EXACT.middle[0] + 0.12, (EXACT.bottom + BENCH.top) / 2
    look = {"fontsize": PANEL_TITLE_SIZE, "weight": "bold", "color": COLOURS[1], "va": "center"}
    axes.text(x, y, "0 bytes differ, 0 cycles apart", **look)

    Box(0.15, 0.08, WIDTH - 0.3, 2.75, "", colour=GREY).draw(axes)
    axes.text(0.4, 2.58, "The accelerator", fontsize=PANEL_TITLE_SIZE, weight="bold")
    arrow(axes, (VERILOG.middle[0], VERILOG.bottom), (VERILOG.middle[0], 2.83))
    across(axes, REGISTERS, COMMANDS)
    across(axes, COMMANDS, UNITS_FRAME)
    across(axes, PORT, SCRATCHPAD, "<|-|>")
    for unit, style in zip(UNITS[:4], ("-|>", "<|-|>", "<|-|>", "<|-"), strict=True):
        upright(axes, unit, SCRATCHPAD, style)
    upright(axes, UNITS[4], NPE_PORT, "<|-|>")
    save(figure, Path(__file__).with_name("flow.png"))


if __name__ == "__main__":
    main()
