"""Calls on processes beside this one: their results, and workers that die."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.base import executor_calls as calls
from tests.processes import ends
from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.executor import executor

NUMBERS = [(number,) for number in range(8)]


def run_all(function: Callable, tasks: list[tuple], **where: object) -> list[tuple[int, Any]]:
    """Return the index and the result of each call."""
    with executor(function, **where) as run:
        return list(run(tasks))


@pytest.mark.parametrize("workers", [1, 2, 100])
def test_each_call_has_its_result_whatever_the_number_of_workers(workers):
    numbers = NUMBERS[:3]
    assert dict(run_all(calls.square, numbers, workers=workers)) == {number: number**2 for (number,) in numbers}


def test_no_calls_have_no_results():
    assert run_all(calls.square, [], workers=2) == []


def test_workers_serve_several_lists_of_calls():
    with executor(calls.process_id, workers=2) as run:
        first, second = ({pid for _, pid in run([()] * 4)} for _ in range(2))
    assert second <= first
    assert len(first) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_of_a_call_is_raised(workers):
    with pytest.raises(ValueError, match="is refused"):
        run_all(calls.refuse, NUMBERS, workers=workers)


def test_a_worker_that_dies_costs_its_call_alone(tmp_path):
    tasks = [(number, str(tmp_path), 2) for (number,) in NUMBERS]
    found = run_all(calls.die_at_first, tasks, workers=2)
    assert sorted(found) == [(number, number**2) for (number,) in NUMBERS]
    assert (tmp_path / "deaths").read_text() == "xx"


def test_a_call_that_ends_every_worker_is_given_up(tmp_path):
    with pytest.raises(ToolError, match="was ended by SIGKILL in each of 3 attempts"):
        run_all(calls.die_at_first, [(3, str(tmp_path), 9), (4, str(tmp_path), 9)], workers=2)


def test_workers_end_with_the_process_that_asked(tmp_path):
    # The process is killed: nothing can clean up after it.
    program = (
        "import os, sys; from tests.base.executor_calls import slow_square; from tilewright.base.executor import executor;"
        "print(os.getpid(), flush=True);"
        "run = executor(slow_square, workers=2).__enter__();"
        "list(run([(n, 60.0) for n in range(2)]))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        children = Path(f"/proc/{pid}/task/{pid}/children")
        deadline = time.monotonic() + 60
        while len(workers := children.read_text().split()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    assert len(workers) == 2
    assert all(ends(int(worker)) for worker in workers)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "nonsense", "abc://x"])
def test_a_scheduler_that_does_not_answer_is_refused(url, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("tilewright.base.executor.ANSWER_SECONDS", 2)
    with pytest.raises(ConfigError, match=f"scheduler = {url} does not answer: .*such as tcp://"):
        run_all(calls.square, NUMBERS, scheduler=url)


def test_a_machine_too_busy_for_dask_is_said(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def assertion(*_, **__):
        raise AssertionError

    monkeypatch.setattr(distributed, "Client", assertion)
    with pytest.raises(ConfigError, match="scheduler = tcp://x:1 does not answer: Dask did not start in ten seconds;"):
        run_all(calls.square, NUMBERS, scheduler="tcp://x:1")
