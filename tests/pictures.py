"""Finds text of a picture that lies on other text or leaves the picture, while the picture is drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from unittest import mock

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.0
"""Number of pixels by which the boxes of two texts may overlap: a box is a little larger than its letters."""


@contextmanager
def text_problems() -> Iterator[list[str]]:
    """Give a list; when the pictures in the context are drawn, it has a line for each text that collides."""
    problems: list[str] = []
    drawn: dict[Text, Bbox] = {}  # a figure is drawn twice, first to find its layout
    draw, savefig = Text.draw, Figure.savefig
    size = [0, 0]

    def draw_and_note(text, renderer, *args, **kwargs):
        draw(text, renderer, *args, **kwargs)
        if text.get_visible() and text.get_text().strip():
            drawn[text] = text.get_window_extent(renderer)
            size[:] = renderer.width, renderer.height

    def save_and_check(figure, *args, **kwargs):
        drawn.clear()
        savefig(figure, *args, **kwargs)
        for (one, box), (other, second) in combinations(drawn.items(), 2):
            common = Bbox.intersection(box, second)
            if common is not None and min(common.width, common.height) > SLACK:
                problems.append(f"{one.get_text()!r} lies on {other.get_text()!r}")
        problems.extend(
            f"{text.get_text()!r} leaves the picture"
            for text, box in drawn.items()
            if box.x0 < 0 or box.y0 < 0 or box.x1 > size[0] or box.y1 > size[1]
        )

    with mock.patch.object(Text, "draw", draw_and_note), mock.patch.object(Figure, "savefig", save_and_check):
        yield problems
