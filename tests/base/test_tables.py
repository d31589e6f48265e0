"""Tables as Markdown and on a terminal."""

from rich.console import Console

from tilewright.base.tables import markdown_table, terminal_table


def test_a_markdown_table():
    assert markdown_table(("unit", ">LUT", ""), [("`mac`", 12, "exact"), ("adder", 3, "")]) == (
        "| unit | LUT | |\n"
        "|---|---:|---|\n"
        "| `mac` | 12 | exact |\n"
        "| adder | 3 | |\n"
    )  # fmt: skip


def test_a_terminal_table():
    table = terminal_table(
        ("unit", ">LUT"), [("mac", "1,200")], title="cost", caption="of all", fold={"unit"}, box=None, pad_edge=False
    )
    table.add_row("adder", "3")
    console = Console(width=40)
    with console.capture() as shown:
        console.print(table)
    assert [line.rstrip() for line in shown.get().splitlines()] == [
        "cost",
        "unit     LUT",
        "mac    1,200",
        "adder      3",
        "of all",
    ]
