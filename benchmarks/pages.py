"""Pages of documentation that are a text with tables in it."""

from collections.abc import Mapping
from pathlib import Path

from tilewright.base.reading import read_text


def filled(template: Path, parts: Mapping[str, str]) -> str:
    """Return the text of a template, with each ``{name}`` replaced by the part of that name, last newline excepted."""
    text = read_text(template)
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part.removesuffix("\n"))
    return text
