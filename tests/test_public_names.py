"""The public names of ``import tilewright``: imported when they are used, and cheap until then."""

import resource
import subprocess
import sys

import pytest

import tilewright as tw


def test_every_name_is_there_and_its_own():
    names = dir(tw)
    assert len(names) > 20
    assert all(getattr(tw, name) is not None for name in names)
    assert tw.load_system("tiny").name == "tiny"


def test_a_name_that_is_none_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tw.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from tilewright import nothing  # noqa: F401


def cpu_seconds(code: str) -> float:
    """Return the least CPU time of a few processes that run some code."""
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(took)


def test_import_takes_at_most_50_ms_of_cpu_time():
    bare, imported = cpu_seconds("pass"), cpu_seconds("import tilewright")
    assert imported - bare <= 0.05, (bare, imported)


def test_import_brings_no_package_along():
    code = "import sys, tilewright; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"numpy", "pydantic", "amaranth", "click", "rich", "matplotlib", "cocotb", "cocotb_tools"}
    assert not heavy & set(result.stdout.split())
