"""The terminal, on which text from files and options is data: neither markup nor control characters."""

from typing import Any

from rich.console import Console
from rich.text import Text

from tilewright.base.text import printable


class Terminal(Console):
    """A console of rich that prints text as it is, with control characters written as escapes.

    Styles are given apart from the text: ``bold("tokens")``, ``style="red"``.
    """

    def __init__(self, **options: Any):
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # `cli.main` ends quietly; rich itself would end with status 1

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

    def out(self, *objects: Any, **options: Any) -> None:
        super().out(*(printable(str(each)) for each in objects), **options)


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return text whose parts have styles: ``styled("about ", ("7", "bold"), " tokens")``."""
    found = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        found.append(printable(text), style)
    return found
