"""Descriptions of fields, help texts and docstrings are plain, complete English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from tilewright.cli import cli
from tilewright.sim.config import System
from tilewright.sim.config.host import HostConfig
from tilewright.sim.isa.commands import COMMANDS
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.tables import field_rows

ROOT = Path(__file__).parents[1]
FOLDERS = ("hw", "sim", "mapping", "gem5_configs", "cocotb_tests", "tilewright")

BEGINNINGS = {
    "of",
    "that",
    "those",
    "which",
    "whose",
    "who",
    "from",
    "by",
    "to",
    "in",
    "at",
    "on",
    "for",
    "with",
    "without",
    "into",
    "onto",
    "between",
    "behind",
    "within",
    "beside",
    "against",
    "beyond",
    "through",
    "above",
    "below",
    "under",
    "before",
    "after",
    "its",
    "their",
    "these",
    "they",
    "it",
    "what",
    "how",
    "where",
    "when",
    "likewise",
}
"""Words with which a sentence about a field cannot begin, because they hide its subject."""
REST = re.compile(r"``|:(class|func|meth|mod|attr|data|ref|doc|obj|exc):")
"""Marks of reStructuredText, which a terminal and an editor show as they are."""


def problem(text: str, *, rest: bool = True) -> str | None:
    """Return what is wrong with a description, or None; ``rest`` says whether marks of reST are allowed."""
    first = text.strip().split("\n\n")[0]
    words = re.findall(r"[^\s]*\w[^\s]*", first)
    if len(words) < 3:
        return "it has fewer than three words"
    if re.sub(r"\W", "", words[0]).lower() in BEGINNINGS:
        return f"it begins with '{words[0]}', which hides the subject"
    if first[0].islower():
        return "it begins with a small letter"
    if first.rstrip("`*")[-1] not in ".:?":
        return "it does not end with a full stop"
    if not rest and (mark := REST.search(text)):
        return f"it holds {mark[0]}, which is reST"
    return None


def fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    """Yield the name and the description of a model, of its fields, and of the models below it."""
    if model in seen:
        return
    seen.add(model)
    yield model.__name__, model.__doc__ or ""
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field.description or ""
        for part in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from fields(part, seen)


def docstrings(source: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each docstring of a module, its classes, public functions and attributes."""
    tree = ast.parse(source)
    yield from _docstrings(tree, "module", "")


def _docstrings(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str, inside: str):
    text = ast.get_docstring(node)
    if text is not None:
        yield name, text
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for target, after in zip(node.body, node.body[1:], strict=False):
        if not isinstance(target, ast.Assign | ast.AnnAssign):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            named = target.targets[0] if isinstance(target, ast.Assign) else target.target
            yield inside + ast.unparse(named), after.value.value
    for child in node.body:
        if isinstance(child, ast.ClassDef) or (
            isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_")
        ):
            yield from _docstrings(child, inside + child.name, f"{inside}{child.name}.")


def commands(command: click.Command, path: str, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the name and the help of a command, of its options, and of all commands below it."""
    yield path, command.help or ""
    if command.short_help:
        yield path, command.short_help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"{path} {parameter.opts[0]}", parameter.help or ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            yield from commands(child, f"{path} {name}", click.Context(child, info_name=name, parent=context))


def files() -> list[str]:
    """Return the sources of the package, by their paths from the root."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    # tilewright/hw and its like are links to the folders themselves.
    return [str(path.relative_to(ROOT)) for path in paths if not any(parent.is_symlink() for parent in path.parents)]


def bad(texts: Iterator[tuple[str, str]], *, rest: bool = True) -> list[str]:
    """Return a line for each text that is wrong."""
    return [f"{name}: {wrong}: {text!r}" for name, text in texts if (wrong := problem(text, rest=rest))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Rows.",
        "Of a scratchpad address, in units of lanes bytes.",
        "That its units ran.",
        "By which it moved the end of all that came before it",
        "From a row to the next.",
        "In which a unit is busy.",
        "In flight, at most so many.",
        "Their signs, one bit each.",
        "What is kept of a row.",
        "width of a scratchpad address.",
        "Width of a scratchpad address",
        "Width of ``address`` in bits.",
        "Width of a :class:`Word` in bits.",
    ],
)
def test_a_fragment_or_a_mark_of_rest_is_a_problem(text):
    assert problem(text, rest=False)


@pytest.mark.parametrize(
    "text",
    [
        "Width of a scratchpad address in bits.",
        "Maximum number of bursts in flight in each direction.",
        "Number of rows, one of these:\n\n    4, 8",
        "FP32 number that is added to the sum.",
    ],
)
def test_a_whole_sentence_is_none(text):
    assert problem(text, rest=False) is None


def test_marks_of_rest_are_allowed_in_code():
    assert problem("Width of ``address`` in bits.") is None


def test_docstrings_of_modules_classes_functions_and_attributes_are_found():
    source = (
        '"""M."""\nA = 1\n"""a"""\nclass B:\n    """b"""\n    c: int\n    """c"""\n    def d(self):\n        """d"""\n'
    )
    source += 'def _private():\n    """p"""\n'
    assert dict(docstrings(source)) == {"module": "M.", "A": "a", "B": "b", "B.c": "c", "B.d": "d"}


@pytest.mark.parametrize("model", [System, HostConfig])
def test_every_field_of_a_description_says_what_it_is(model):
    assert not bad(fields(model, set()), rest=False)


@pytest.mark.parametrize("kind", [*COMMANDS.values(), Descriptor])
def test_every_field_of_a_command_says_what_it_is(kind):
    assert not bad(((row.name, f"{row.about}.") for row in field_rows(kind)), rest=False)


def test_a_field_without_a_description_is_found():
    class Bad(BaseModel):
        rows: int

    assert bad(fields(Bad, set()), rest=False)


def test_every_help_text_is_a_whole_sentence_without_rest():
    helps = commands(cli, "tilewright", click.Context(cli, info_name="tilewright"))
    texts = [(name, re.sub(r"\s*\[default: [^\]]*\]$", "", text)) for name, text in helps]
    assert len(texts) > 100
    assert not bad(iter(texts), rest=False)


@pytest.mark.parametrize("text", ["Print ``it`` on the terminal.", "Of the vector unit."])
def test_a_bad_help_text_is_found(text):
    option = click.Option(["--bad"], help=text)
    group = click.Group("group", help="A group of one.", commands=[click.Command("one", help=text, params=[option])])
    found = bad(commands(group, "group", click.Context(group)), rest=False)
    assert [line.split(":")[0] for line in found] == ["group one", "group one --bad"]


def test_docstrings_are_whole_sentences():
    wrong = {path: problems for path in files() if (problems := bad(docstrings((ROOT / path).read_text())))}
    assert wrong == {}
