"""Tables: Markdown for documentation, and rich's for a terminal.

In both, a heading that begins with ``>`` stands over a column that is set to the right, as figures are.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

RIGHT = ">"


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, a line for the headings, for the rule below them and for each row."""
    rule = "|".join("---:" if heading.startswith(RIGHT) else "---" for heading in headings)
    titles = [heading.removeprefix(RIGHT) for heading in headings]
    return "".join([_markdown_row(titles), f"|{rule}|\n", *map(_markdown_row, rows)])


def _markdown_row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells)).rstrip()} |\n"


def terminal_table(
    headings: Sequence[str],
    rows: "Iterable[Sequence[str | Text]]" = (),
    *,
    title: "str | Text | None" = None,
    caption: str | None = None,
    fold: Collection[str] = (),
    **look: Any,
) -> "Table":
    """Return a table for a terminal, to which rows may be added.

    Parameters
    ----------
    headings : sequence of str
        One for each column.
    rows : iterable of sequences of str
        Cells; a cell may be a rich text.
    title, caption : str, rich text or None
        Text above and below, set to the left.
    fold : collection of str
        Headings of columns whose long words may be broken, so that nothing is cut off.
    look
        Further options of ``rich.table.Table``.
    """
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", **look)
    for heading in headings:
        table.add_column(
            heading.removeprefix(RIGHT),
            justify="right" if heading.startswith(RIGHT) else "left",
            overflow="fold" if heading in fold else "ellipsis",
        )
    for row in rows:
        table.add_row(*row)
    return table
