"""Long work is not silent: lines in a pipe, a bar with an estimate on a terminal."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tilewright.base import durations
from tilewright.base.notices import notice
from tilewright.cli import waiting


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(durations, "SHORTEST_SECONDS", 0.1)


def test_short_work_is_silent(capsys):
    with waiting.status("mapping"):
        pass
    assert capsys.readouterr().err == ""


def test_long_work_has_a_line_and_the_next_time_an_estimate(capsys, monkeypatch):
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(waiting, "NEXT_SECONDS", 0.2)
    for _ in range(2):
        with waiting.status("mapping"):
            waiting.time.sleep(0.7)
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"tilewright: mapping: \d s", lines[0])
    assert re.fullmatch(r"tilewright: mapping: \d s of about \d s", lines[-1])


def test_work_that_fails_leaves_no_estimate(tmp_path):
    def work() -> None:
        with waiting.status("mapping"):
            waiting.time.sleep(0.2)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert durations.expected("mapping") is None


def test_parts_and_notices_have_lines(capsys):
    with waiting.progress("building", 2) as done:
        done("first")
        notice("waiting for another process")
        done("second")
    assert capsys.readouterr().err.splitlines() == [
        "tilewright: building: first (1 of 2)",
        "tilewright: waiting for another process",
        "tilewright: building: second (2 of 2)",
    ]


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"mapping": "long"}', '{"mapping": -1}'])
def test_damaged_estimates_are_none(tmp_path, text):
    (tmp_path / "durations.json").write_text(text)
    assert durations.expected("mapping") is None
    durations.record("mapping", 7)
    assert durations.expected("mapping") == 7


def test_a_terminal_shows_a_bar_with_an_estimate():
    durations.record("mapping", 90)
    script = "import time; from tilewright.cli.waiting import status\nwith status('mapping'): time.sleep(1.2)"
    here, there = pty.openpty()
    with open(here, "rb", buffering=0) as terminal:  # noqa: PTH123
        process = subprocess.Popen(
            [sys.executable, "-c", script], stderr=there, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}
        )
        said = terminal.read(2000)
        while b"of about" not in said and process.poll() is None:
            said += terminal.read(2000)
        assert process.wait(30) == 0
    assert b"mapping" in said
    assert b"of about 2 min" in said
