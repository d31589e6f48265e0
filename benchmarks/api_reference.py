"""Writes docs/api.md, the reference of the names of ``import tilewright``, from their docstrings.

.venv/bin/python -m benchmarks.api_reference
"""

import inspect
import re
import typing
from pathlib import Path

import tilewright as tw
from tilewright.base.files import write_text
from tilewright.sim.isa.tables import docstrings

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
INTRODUCTION = """\
# Reference of the Python interface

`import tilewright as tw` gives these names; each is imported when it is first used, so the import itself takes no time.
The command line is a thin layer over them: `to_dict` of a result is what `--json` prints. Arguments that are not
allowed raise `tw.ConfigError`, whose message names the argument, its value and what is allowed.
[Recipes](recipes.md) show the names in use.

This page is made from docstrings by `python -m benchmarks.api_reference`.
"""


def reference() -> str:
    """Return the page."""
    names = [name for name in sorted(dir(tw), key=str.lower) if not name.startswith("__")]
    classes = [name for name in names if inspect.isclass(getattr(tw, name))]
    functions = [name for name in names if name not in classes]
    parts = [INTRODUCTION, "## Functions\n", *map(_function, functions), "## Classes\n", *map(_class, classes)]
    return "\n".join(parts)


def _function(name: str) -> str:
    function = getattr(tw, name)
    return f"### `{name}`\n\n```text\ntw.{_signature(name, function)}\n```\n\n{_text(inspect.getdoc(function) or '')}"


def _class(name: str) -> str:
    kind = getattr(tw, name)
    rows = [*_fields(kind), *_members(kind)]
    listed = "".join(f"- `{member}`: {about}\n" for member, about in rows)
    return f"### `{name}`\n\n{_text(inspect.getdoc(kind) or '')}" + (f"\n{listed}" if listed else "")


def _signature(name: str, function: typing.Any) -> str:
    """Return the names of a function's parameters with their defaults; types stand in the text below."""
    parameters = inspect.signature(function).parameters.values()
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return f"{name}{inspect.Signature(plain)}"


def _fields(kind: type) -> list[tuple[str, str]]:
    """Return the fields of a class and what their docstrings say; fields of a description are in its schema."""
    if not hasattr(kind, "__dataclass_fields__"):
        return []
    about = docstrings(kind)
    return [(name, f"{about[name]}.") for name in kind.__dataclass_fields__ if name in about]


def _members(kind: type) -> list[tuple[str, str]]:
    """Return the public properties and methods of a class and the first paragraphs of their docstrings."""
    found = []
    for owner in reversed(kind.__mro__):
        if not owner.__module__.startswith("tilewright."):
            continue
        for name, member in vars(owner).items():
            about = inspect.getdoc(getattr(kind, name)) if not name.startswith("_") else None
            if about and (isinstance(member, property) or inspect.isfunction(member)):
                shown = name if isinstance(member, property) else f"{name}()"
                found.append((shown, _inline(about.split("\n\n")[0])))
    return list(dict(found).items())


def _text(docstring: str) -> str:
    """Return a docstring as Markdown: paragraphs, and a list for each of its sections."""
    head, *sections = re.split(r"^(\w+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    parts = [_inline(paragraph) for paragraph in head.strip().split("\n\n")]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        items = re.findall(r"^(\S.*)\n((?:    .*\n?|\n(?=    ))*)", body, flags=re.MULTILINE)
        lines = [f"- `{name}`: {_inline(about)}" for name, about in items]
        parts.append("\n".join([f"{title}:\n", *lines]))
    return "\n\n".join(parts) + "\n"


def _inline(text: str) -> str:
    """Return a paragraph on one line, with code as Markdown has it."""
    text = re.sub(r":\w+:`[~.]*([^`]+)`", lambda found: f"``{found[1].split('.')[-1]}``", text)
    return " ".join(text.replace("``", "`").split())


if __name__ == "__main__":
    write_text(PAGE, reference())
