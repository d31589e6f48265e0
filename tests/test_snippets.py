"""Every Python snippet of README and docs runs; what it prints is compared where the page shows it."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SNIPPET = re.compile(r"(?:<!-- (slow|not run): [^\n]+ -->\n)?^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A snippet; a comment before it says why it runs among the slow tests, or is only compiled."""


def snippets(page: Path) -> list[tuple[str, int, str]]:
    """Return the mark of each snippet of a page, if it has one, its first line, and its text."""
    text = page.read_text(encoding="utf-8")
    return [(found[1] or "", text.count("\n", 0, found.start(2)), found[2]) for found in SNIPPET.finditer(text)]


WITH_SNIPPETS = [page for page in PAGES if snippets(page)]
SLOW = [page for page in WITH_SNIPPETS if any(mark == "slow" for mark, _, _ in snippets(page))]


def run(page: Path, snippet: str, line: int, names: dict) -> None:
    """Run a snippet with the names of those before it; a session is compared with what it shows.

    Raises
    ------
    AssertionError
        If the output differs, with the difference.
    """
    if ">>>" not in snippet:
        exec(compile("\n" * line + snippet, str(page), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(snippet, names, page.name, str(page), line)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert not said, "".join(said)


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_run(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    run_all(page, run_slow=False)


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.parametrize("page", SLOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_that_build_models_run(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    run_all(page, run_slow=True)


def run_all(page: Path, *, run_slow: bool) -> None:
    names: dict = {}
    for mark, line, snippet in snippets(page):
        if not mark or (mark == "slow" and run_slow):
            run(page, snippet, line, names)
        else:
            compile(snippet, str(page), "exec")


def test_there_are_snippets_and_few_are_not_run():
    found = [snippet for page in PAGES for snippet in snippets(page)]
    assert len(found) > 8
    assert sum(mark == "not run" for mark, _, _ in found) <= 2
    assert sum(mark == "slow" for mark, _, _ in found) <= 2
    assert {"recipes.md", "formats.md"} <= {page.name for page in WITH_SNIPPETS}


@pytest.mark.parametrize("bad", [">>> 1 + 1\n3\n", ">>> nothing\n", "assert False\n"])
def test_a_wrong_snippet_is_found(bad, tmp_path):
    with pytest.raises((AssertionError, NameError)):
        run(tmp_path, bad, 0, {})


@pytest.mark.parametrize("page", ["api.md", "bench.md"])
def test_the_reference_is_what_docstrings_say(page):
    from benchmarks.api_reference import DOCS, reference

    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == reference(page), "run: python -m benchmarks.api_reference"
