"""What README and docs name exists: commands and their options, files, headings, make targets, modules and their names."""

import importlib
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tilewright.cli import cli

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted([README, *(ROOT / "docs").rglob("*.md")])
FOLDERS = "hw|sim|mapping|gem5_configs|cocotb_tests|tests|tilewright|examples|docs|benchmarks"
PLACEHOLDERS = re.compile(r"\[|\.\.\.|…|\$|\b[A-Z]{4,}\b")
"""What makes a command a pattern of commands, such as ``synth BLOCK [options]``."""

MENTIONS = (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError, click.MissingParameter, click.BadOptionUsage)
"""How reading ends with ``--help``, or where text names a command or an option without arguments; it exists."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code(page: Path) -> list[str]:
    """Return what stands in code: spans, and lines of blocks without their comments, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", text_of(page))
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    indented = [line for line in text.splitlines() if line.startswith("    ")]
    lines = [*"".join(fenced).splitlines(), *indented]
    blocks = [line.partition(" #")[0].strip() for line in lines]
    return [*re.findall(r"`([^`\n]+)`", text), *blocks]


def commands(page: Path) -> list[str]:
    """Return the command lines of ``tilewright`` in a page; in tables of costs they stand without their first word."""
    found = []
    for each in code(page):
        if named := re.fullmatch(r"(?:\.venv/bin/|time )?tilewright ([a-z].*)|((?:synth|generate) [a-z].*)", each):
            found.append(named[1] or named[2])
    return [each for each in found if not PLACEHOLDERS.search(each)]


def parse(line: str) -> None:
    """Read a command line as ``tilewright`` does, without running it.

    Raises
    ------
    click.UsageError
        If there is no such command or option, or its value is not allowed.
    """
    command: click.Command = cli
    words, context = shlex.split(line), None
    while True:
        context = command.make_context(command.name, words, parent=context)
        if not isinstance(command, click.Group):
            return
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])


@every_page
def test_commands_can_be_read(page):
    for line in commands(page):
        try:
            parse(line)
        except MENTIONS:
            pass
        except click.ClickException as error:
            pytest.fail(f"tilewright {line}: {error.format_message()}")


def test_there_are_commands_and_bad_ones_are_seen():
    assert sum(len(commands(page)) for page in PAGES) > 60
    for bad in ("map --nothing", "generate no-block", "cosim cim-tile --json --out", "program nothing"):
        with pytest.raises(click.ClickException):
            parse(bad)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(file), f"{target}: no such heading"


@every_page
def test_files_and_modules_exist(page):
    for each in code(page):
        paths = re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./*-]+", each)
        for path in paths:
            assert list(ROOT.glob(path.rstrip("./"))), f"{path} is not there"
        for module in re.findall(r"python -m ([\w.]+)", each):
            assert find_spec(module), f"python -m {module}: no such module"
        for module, names in re.findall(r"from (tilewright[\w.]*) import ([\w, ]+)", each):
            for name in names.split(", "):
                there = hasattr(importlib.import_module(module), name) or find_spec(f"{module}.{name}")
                assert there, f"{module} has no {name}"


@every_page
def test_tests_exist(page):
    sources = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "cocotb_tests").rglob("test_*.py")]
    defined = set(re.findall(r"^def (test_\w+)\(", "\n".join(map(text_of, sources)), flags=re.MULTILINE))
    named = {name for each in code(page) for name in re.findall(r"^test_\w+$", each)}
    assert named <= defined | {source.stem for source in sources}


@every_page
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    named = {target for each in code(page) for target in re.findall(r"^make ([\w-]+)(?![\w=-])", each)}
    assert named <= targets


def test_readme_shows_what_map_prints():
    shown = CliRunner().invoke(cli, ["map", "llama-3.2-1b"]).output
    printed = {" ".join(line.strip("│┃ ").replace("│", " ").replace("┃", " ").split()) for line in shown.splitlines()}
    [block] = re.findall(r"^    llama-3\.2-1b on.*?(?=^    RTL under)", text_of(README), flags=re.MULTILINE | re.DOTALL)
    lines = [" ".join(line.split()) for line in block.splitlines()]
    assert len(lines) > 10
    assert {line for line in lines if line != "..."} <= printed
