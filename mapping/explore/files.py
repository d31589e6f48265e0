"""Files of an exploration: JSON and CSV of the front, two pictures, and one page that needs no network."""

import csv
import io
import json
from pathlib import Path

from tilewright.base.files import write_json, write_text
from tilewright.mapping.explore.pictures import axes_of, draw_front, draw_gains
from tilewright.mapping.explore.result import Exploration
from tilewright.mapping.explore.rows import front_rows, summary

PAGE = Path(__file__).with_name("page.html")


def write_exploration(result: Exploration, folder: Path) -> list[Path]:
    """Write explore.json, explore.csv, explore.png, explore.gains.png and explore.html to a folder; return their paths.

    Raises
    ------
    ConfigError
        If a file cannot be written.
    """
    return [
        write_json(folder / "explore.json", result.to_dict()),
        write_text(folder / "explore.csv", front_csv(result)),
        draw_front(folder / "explore.png", result),
        draw_gains(folder / "explore.gains.png", result),
        write_text(folder / "explore.html", page(result)),
    ]


def front_csv(result: Exploration) -> str:
    """Return the front as CSV, a row for each design."""
    rows = front_rows(result)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def page(result: Exploration) -> str:
    """Return the page: a table that can be sorted and filtered, a plot, and each design in detail."""
    whole, (x, y) = result.to_dict(), axes_of(result)
    data = {
        "title": title(result),
        "about": ". ".join([*summary(result), ""]).strip(),
        "x": x,
        "y": y,
        "rows": front_rows(result),
        "points": {point["number"]: point for point in whole["front"]},
    }
    # No text of the data ends the element around it.
    return PAGE.read_text(encoding="utf-8").replace("DATA", json.dumps(data).replace("<", "\\u003c"), 1)


def title(result: Exploration) -> str:
    """Return a line about what was explored."""
    return (
        f"{result.space.base.name}: {len(result.front)} designs for {', '.join(run.label for run in result.space.runs)}"
    )
