"""Sweeps, with a program in place of gem5 that writes what gem5 writes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.gem5_configs.fake_gem5 import let_go, started
from tests.processes import ends
from tilewright.gem5_configs.runs import COLUMNS
from tilewright.gem5_configs.sweep import Run, RunError, sweep
from tilewright.sim.config.host import load_host
from tilewright.sim.config.host_clocks import domain_clocks

ROOT = Path(__file__).parents[2]


def run_of(program, *arguments, core="o3", domains="super-core-l1-l2-l3", ghz=100.0) -> Run:
    host = load_host("superconducting").replace(core=core).model_copy(update={"clocks": domain_clocks(domains, ghz)})
    return Run(host=host, domains=domains, workload="gemv-l1", program=program, arguments=arguments)


def left(tmp_path) -> set[str]:
    """Return what kinds of files and folders are in the folder of runs."""
    return {path.suffix for path in (tmp_path / "cache" / "gem5").iterdir()}


def test_rows_are_those_of_the_runs(gem5, program):
    runs = [
        run_of(program, core=core, domains="super-core-l1", ghz=ghz) for core in ("o3", "minor") for ghz in (10, 50)
    ]
    done = {finished.index: finished for finished in sweep(runs, gem5, 2)}
    assert len(done) == 4
    for index, run in enumerate(runs):
        row = done[index].row
        assert tuple(row) == COLUMNS
        assert (row["core"], row["domains"], row["workload"]) == (run.host.core, "super-core-l1", "gemv-l1")
        assert (row["core_ghz"], row["l1d_ghz"], row["l2_ghz"], row["board_ghz"]) == (
            *[run.host.clocks.core_ghz] * 2,
            4,
            1,
        )
        assert row["core_cycles"] == 1000 * run.host.clocks.core_ghz
        assert {"stats.txt", "config.json", "host.json", "gem5.log"} <= {
            path.name for path in done[index].folder.iterdir()
        }


def test_a_finished_run_is_not_made_again(gem5, program):
    runs = [run_of(program), run_of(program, "2")]
    first = {done.index: done for done in sweep(runs, gem5, 2)}
    again = {done.index: done for done in sweep(runs, gem5, 2)}
    assert len(started(gem5)) == 2
    assert all(done.kept for done in again.values())
    assert not any(done.kept for done in first.values())
    assert {index: done.row for index, done in first.items()} == {index: done.row for index, done in again.items()}


def test_names_do_not_make_another_run(gem5, program):
    # At the frequency of all others, every variant is the same machine.
    runs = [run_of(program, domains=domains, ghz=4) for domains in ("super-core", "super-core-l1", "all-cryo")]
    rows = {done.index: done.row for done in sweep(runs, gem5, 2)}
    assert len(started(gem5)) == 1
    assert [rows[index]["domains"] for index in range(3)] == ["super-core", "super-core-l1", "all-cryo"]


def test_what_a_run_depends_on_makes_another(gem5, program):
    def count(run):
        list(sweep([run], gem5, 1))
        return len(started(gem5))

    assert count(run_of(program)) == 1
    assert count(run_of(program, "--size", "l2")) == 2
    assert count(run_of(program, core="minor")) == 3
    assert count(run_of(program, ghz=50)) == 4
    program.write_bytes(b"another ELF")
    assert count(run_of(program)) == 5
    with Path(gem5.command[0]).open("a") as file:
        file.write("# another gem5\n")
    assert count(run_of(program)) == 6
    assert count(run_of(program)) == 6


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("fail", "o3 super-core-l1-l2-l3 100 GHz gemv-l1: the program says: gemv: wrong result: y is 1, expected 2"),
        ("fatal", "gem5 failed with status 1: fatal: no such thing"),
        ("cut", "stats.txt: cut off"),
        (
            "other-machine",
            "gem5 built another machine: board.cache_hierarchy.l3cache.size is 1, expected 16777216 (1 diff",
        ),
    ],
)
def test_a_failed_run_is_said_and_can_be_looked_at(gem5, program, tmp_path, argument, said):
    for _ in range(2):
        with pytest.raises(RunError) as error:
            list(sweep([run_of(program, argument)], gem5, 1))
        assert said in str(error.value)
        [line] = str(error.value).splitlines()
        assert (Path(line.rsplit("(see ", 1)[1].removesuffix(")")) / "gem5.log").exists()
        assert left(tmp_path) == {".failed"}
    assert len(started(gem5)) == 2


def test_runs_that_have_ended_are_kept_when_another_fails(gem5, program):
    good, bad = run_of(program), run_of(program, "fail")
    assert len(list(sweep([good], gem5, 1))) == 1
    with pytest.raises(RunError, match="the program says"):
        list(sweep([good, bad], gem5, 1))
    [kept] = sweep([good], gem5, 1)
    assert kept.kept


def test_the_others_stop_when_one_fails(gem5, program, tmp_path):
    runs = [run_of(program, "wait"), run_of(program, "fail"), run_of(program, "wait", "2")]
    with pytest.raises(RunError, match="the program says"):
        list(sweep(runs, gem5, 2))
    assert left(tmp_path) == {".failed"}
    assert all(ends(process) for process, _ in started(gem5))


def test_at_most_so_many_run_at_once(gem5, program):
    runs = [run_of(program, "wait", str(number)) for number in range(5)]
    results = sweep(runs, gem5, 2)
    seen = []

    def look():
        deadline = time.monotonic() + 20
        while len(started(gem5)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)
        seen.append(len(started(gem5)))
        let_go(gem5)

    looker = threading.Thread(target=look)
    looker.start()
    assert len(list(results)) == 5
    looker.join()
    assert seen == [2]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_sweep_goes_on_where_it_was(gem5, program, tmp_path, how):
    script = tmp_path / "sweep_once.py"
    script.write_text(
        "import signal\n"
        "from pathlib import Path\n"
        "from tests.gem5_configs.test_sweep import run_of, sweep\n"
        "from tilewright.base.tools import Tool\n"
        # A shell's background jobs ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"gem5 = Tool('gem5', ({gem5.command[0]!r},), '24.0', 'system')\n"
        f"program = Path({str(program)!r})\n"
        "runs = [run_of(program, 'first'), run_of(program, 'wait')]\n"
        "for done in sweep(runs, gem5, 1):\n"
        "    print(done.index, flush=True)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, script], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "0\n"
    deadline = time.monotonic() + 30
    while len(started(gem5)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = started(gem5)[1][0]
    process.send_signal(how)
    process.wait(30)
    process.stdout.close()
    # gem5 ends with the sweep, however that ends; what was finished stays, and nothing else looks finished.
    assert ends(pid, 20)
    assert left(tmp_path) == ({"", ".part", ".lock"} if how == signal.SIGKILL else {""})
    let_go(gem5)
    done = {
        finished.index: finished.kept
        for finished in sweep([run_of(program, "first"), run_of(program, "wait")], gem5, 1)
    }
    assert done == {0: True, 1: False}
    assert [arguments for _, arguments in started(gem5)] == ["first", "wait", "wait"]
    assert left(tmp_path) == {""}
