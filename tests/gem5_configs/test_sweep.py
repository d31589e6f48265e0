"""Sweeps, with a program in place of gem5 that writes what gem5 writes."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gem5_configs.gem5_statistics import CORE
from tilewright.gem5_configs.runs import COLUMNS, read_runs
from tilewright.gem5_configs.sweep import Run, sweep
from tilewright.sim.config import ConfigError
from tilewright.sim.config.host import load_host
from tilewright.sim.config.host_clocks import domain_clocks
from tilewright.tools import Tool, find_gem5

ROOT = Path(__file__).parents[2]

FAKE = f"""#!{sys.executable}
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tests.gem5_configs.gem5_statistics import CORE, statistics
from tests.gem5_configs.machine_json import machine

arguments = sys.argv[1:]
folder = Path(arguments[arguments.index("-d") + 1])
if "--build-info" in arguments:
    print("gem5 version 24.0.0.1")
    sys.exit()
program = arguments[arguments.index("--host") + 2 :]
host = json.loads(Path(arguments[arguments.index("--host") + 1]).read_text())
here = Path(__file__).parent
with (here / "started").open("a") as file:
    file.write(f"{{os.getpid()}} {{' '.join(program[1:])}}\\n")
(folder / "stats.txt").write_text("")  # as gem5 does when it starts
config = machine(host["core"])
caches, clocks = config["board"]["cache_hierarchy"], host["clocks"]
for level in ("l1", "l2", "l3"):
    caches[f"{{level}}_domain"]["clock"] = [round(1000 / clocks[f"{{level}}_ghz"])]
for core in config["board"]["processor"]["cores"][:1]:
    core["core"]["clk_domain"]["clock"] = [round(1000 / clocks["core_ghz"])]
if "other-machine" in program:
    caches["l3cache"]["size"] = 1
(folder / "config.json").write_text(json.dumps(config))
while "wait" in program and not (here / "go").exists():
    time.sleep(0.02)
if "fail" in program:
    (folder / "program.err").write_text("gemv: wrong result: y is 1, expected 2\\n")
    sys.exit(3)
if "fatal" in program:
    print("warn: something\\nfatal: no such thing\\nmore")
    sys.exit(1)
cycles = int(1000 * clocks["core_ghz"]) + len(program)
if "cut" in program:
    (folder / "stats.txt").write_text(statistics(host["core"])[:300])
else:
    (folder / "stats.txt").write_text(statistics(host["core"], **{{CORE + ".numCycles": cycles}}))
"""


@pytest.fixture
def gem5(tmp_path, monkeypatch) -> Tool:
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "fake"
    folder.mkdir()
    program = folder / "gem5.opt"
    program.write_text(FAKE)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Tool("gem5", (str(program),), "24.0", "system")


@pytest.fixture
def program(tmp_path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(b"ELF")
    return path


def started(gem5) -> list[str]:
    """Return the arguments of the runs that were started."""
    file = Path(gem5.command[0]).with_name("started")
    return [line.split(" ", 1)[1] for line in file.read_text().splitlines()] if file.exists() else []


def run_of(program, *arguments, core="o3", domains="super-core-l1-l2-l3", ghz=100.0) -> Run:
    host = load_host("superconducting").replace(core=core).model_copy(update={"clocks": domain_clocks(domains, ghz)})
    return Run(host=host, domains=domains, workload="gemv-l1", program=program, arguments=arguments)


def left(tmp_path) -> set[str]:
    """Return what is in the folder of runs, but for locks."""
    return {path.suffix for path in (tmp_path / "cache" / "gem5").iterdir() if path.suffix != ".lock"}


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
        assert row["core_cycles"] == 1000 * run.host.clocks.core_ghz + 1
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
    Path(gem5.command[0]).write_text(FAKE + "# another gem5\n")
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
def test_a_failed_run_is_said_and_leaves_nothing(gem5, program, tmp_path, argument, said):
    with pytest.raises(ConfigError) as error:
        list(sweep([run_of(program, argument)], gem5, 1))
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert left(tmp_path) == set()


def test_runs_that_have_ended_are_kept_when_another_fails(gem5, program):
    good, bad = run_of(program), run_of(program, "fail")
    assert len(list(sweep([good], gem5, 1))) == 1
    with pytest.raises(ConfigError, match="the program says"):
        list(sweep([good, bad], gem5, 1))
    [kept] = sweep([good], gem5, 1)
    assert kept.kept


def test_the_others_stop_when_one_fails(gem5, program, tmp_path):
    runs = [run_of(program, "wait"), run_of(program, "fail"), run_of(program, "wait", "2")]
    with pytest.raises(ConfigError, match="the program says"):
        list(sweep(runs, gem5, 2))
    assert left(tmp_path) == set()
    for line in Path(gem5.command[0]).with_name("started").read_text().splitlines():
        assert not alive(int(line.split()[0]))


def test_at_most_so_many_run_at_once(gem5, program):
    runs = [run_of(program, "wait", str(number)) for number in range(5)]
    results = sweep(runs, gem5, 2)
    go = Path(gem5.command[0]).with_name("go")
    import threading

    seen = []

    def look():
        deadline = time.monotonic() + 20
        while len(started(gem5)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)
        seen.append(len(started(gem5)))
        go.touch()

    looker = threading.Thread(target=look)
    looker.start()
    assert len(list(results)) == 5
    looker.join()
    assert seen == [2]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that has ended and that nobody has asked about is not alive.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_sweep_goes_on_where_it_was(gem5, program, tmp_path, how):
    script = tmp_path / "sweep_once.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.gem5_configs.test_sweep import run_of, sweep, Tool\n"
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
    pid = int(Path(gem5.command[0]).with_name("started").read_text().splitlines()[1].split()[0])
    process.send_signal(how)
    process.wait(30)
    process.stdout.close()
    # gem5 ends with the sweep, however that ends; what was finished stays, and nothing else looks finished.
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)
    assert left(tmp_path) == ({"", ".part"} if how == signal.SIGKILL else {""})
    Path(gem5.command[0]).with_name("go").touch()
    done = {
        finished.index: finished.kept
        for finished in sweep([run_of(program, "first"), run_of(program, "wait")], gem5, 1)
    }
    assert done == {0: True, 1: False}
    assert started(gem5) == ["first", "wait", "wait"]
    assert left(tmp_path) == {""}


def cli(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tilewright", "cpu", *arguments]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)


def test_the_command_writes_the_rows(gem5, program, tmp_path):
    arguments = [
        "run",
        "--program",
        str(program),
        "--arguments",
        "a b",
        "--cores",
        "o3,minor",
        "--domains",
        "super-core,all-cryo",
    ]
    out = tmp_path / "out"
    result = cli(*arguments, "--ghz", "10,100", "--json", "--out", str(out), GEM5=gem5.command[0])
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)["runs"]
    assert [(row["domains"], row["core_ghz"], row["core"]) for row in rows] == [
        ("super-core", 10, "o3"), ("super-core", 10, "minor"), ("super-core", 100, "o3"), ("super-core", 100, "minor"),
        ("all-cryo", 4, "o3"), ("all-cryo", 4, "minor"),
    ]  # fmt: skip
    lines = (out / "cpu-run.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 7
    assert [run.core_cycles for run in read_runs(out / "cpu-run.csv")] == [row["core_cycles"] for row in rows]
    assert len(result.stderr.splitlines()) == 6
    assert set(started(gem5)) == {"a b"}
    again = cli(*arguments, "--ghz", "10,100", GEM5=gem5.command[0])
    assert again.returncode == 0
    assert again.stderr.count("(kept)") == 6
    assert "super-core" in again.stdout
    assert len(started(gem5)) == 6


def test_the_command_says_what_is_missing(tmp_path):
    for env, said in (
        ({"PATH": str(tmp_path), "GEM5": ""}, "no gem5 found: build one >= 24.0"),
        ({"GEM5": "/no/gem5"}, "GEM5 = /no/gem5: there is no such program"),
    ):
        result = cli("run", "--workload", "gemv", **env)
        assert (result.returncode, result.stdout) == (2, "")
        [line] = result.stderr.splitlines()
        assert said in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "nothing to run: give --workload or --program"),
        (["run", "--workload", "gemw"], "--workload: unknown workload 'gemw' (did you mean"),
        (["run", "--workload", "gemv", "--size", "l4"], "--size: unknown size 'l4'"),
        (["run", "--workload", "gemv", "--cores", "o3,o4"], "--cores: unknown core 'o4' (did you mean 'o3'?"),
        (["run", "--workload", "gemv", "--domains", "super-l1"], "--domains: unknown clock domains 'super-l1'"),
        (["run", "--workload", "gemv", "--domains", "super-core", "--ghz", "0"], "--ghz 0.0 is not allowed"),
        (["run", "--workload", "gemv", "--ghz", "1,x"], "--ghz = '1,x' is not allowed"),
        (["run", "--workload", "gemv", "--memory", "ddr9"], "--memory: unknown memory 'ddr9'"),
        (["run", "--workload", "gemv", "--host", "warm"], "unknown host 'warm'"),
        (["run", "--program", "none"], "--program none: there is no such file"),
        (["stats", "none.txt"], "none.txt: cannot be read: No such file"),
    ],
)
def test_bad_arguments_are_refused(arguments, said):
    result = cli(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert said in line


def test_statistics_made_elsewhere_are_read(tmp_path):
    from tests.gem5_configs.gem5_statistics import statistics

    (tmp_path / "stats.txt").write_text(statistics("minor", **{f"{CORE}.numCycles": 123}))
    result = cli("stats", str(tmp_path), "--json")
    assert json.loads(result.stdout)["runs"][0]["core_cycles"] == 123
    assert "0.473" in cli("stats", str(tmp_path / "stats.txt")).stdout
    wrong = cli("stats", str(tmp_path), "--core", "o3")
    assert wrong.returncode == 2
    assert "is of an in-order (Minor) core" in wrong.stderr
    (tmp_path / "stats.txt").write_text("")
    assert "empty" in cli("stats", str(tmp_path)).stderr


def test_an_old_gem5_is_refused(tmp_path, monkeypatch):
    program = tmp_path / "gem5.opt"
    program.write_text("#!/bin/sh\necho gem5 version 23.1.0.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("GEM5", str(program))
    find_gem5.cache_clear()
    with pytest.raises(ConfigError, match=r"gem5\.opt is version 23\.1: 24\.0 is needed"):
        find_gem5()
    program.write_text("#!/bin/sh\necho gem5 version [DEVELOP-FOR-25.0]\n")
    find_gem5.cache_clear()
    assert find_gem5().version == "25.0"
    find_gem5.cache_clear()
