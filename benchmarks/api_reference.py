"""Writes docs/api.md and docs/bench.md, the references of ``tilewright`` and ``tilewright.bench``, from docstrings.

.venv/bin/python -m benchmarks.api_reference
"""

import inspect
import re
import typing
from pathlib import Path

import tilewright as tw
import tilewright.bench as tb
from tilewright.base.files import write_text
from tilewright.sim.isa.tables import docstrings

DOCS = Path(__file__).parents[1] / "docs"
INTRODUCTIONS = {
    "api.md": """\
# Reference of the Python interface

`import tilewright as tw` gives these names; each is imported when it is first used, so the import itself takes no time.
The command line is a thin layer over them: `to_dict` of a result is what `--json` prints. Arguments that are not
allowed raise `tw.ConfigError`, whose message names the argument, its value and what is allowed.
[Recipes](recipes.md) show the names in use.

This page is made from docstrings by `python -m benchmarks.api_reference`.
""",
    "bench.md": """\
# Reference of the parts of benches

`import tilewright.bench as tb` gives these names, for cocotb benches on any handle whose ports have the names of a
generated block: `clk`, `rst`, `irq`, streams `NAME__payload`, `NAME__valid`, `NAME__ready`, and AXI ports `s_axi_...`
and `m_axi_...`. [Your own bench](own-bench.md) begins with the first bench, and
[`examples/own_bench`](../examples/own_bench) has more.

This page is made from docstrings by `python -m benchmarks.api_reference`.
""",
}
PACKAGES = {"api.md": (tw, "tw"), "bench.md": (tb, "tb")}
"""Package that each page describes, and its short name."""


def reference(page: str) -> str:
    """Return the text of a page."""
    package, short = PACKAGES[page]
    names = {name: getattr(package, name) for name in sorted(dir(package), key=str.lower) if not name.startswith("__")}
    classes = [_class(name, each) for name, each in names.items() if inspect.isclass(each)]
    functions = [_function(f"{short}.{name}", each) for name, each in names.items() if inspect.isfunction(each)]
    constants = [f"- `{short}.{name}`: `{each!r}`\n" for name, each in names.items() if not callable(each)]
    parts = [INTRODUCTIONS[page], "## Functions\n", *functions, "## Classes\n", *classes]
    return "\n".join([*parts, "## Constants\n", *constants] if constants else parts)


def _function(name: str, function: typing.Any) -> str:
    text = _text(inspect.getdoc(function) or "")
    return f"### `{name.split('.')[1]}`\n\n```text\n{_signature(name, function)}\n```\n\n{text}"


def _class(name: str, kind: type) -> str:
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
    for page in PACKAGES:
        write_text(DOCS / page, reference(page))
