"""``tilewright cpu run`` and ``cpu stats``, with a program in place of gem5."""

import json
import subprocess

import pytest

from tests.cli.command_line import run
from tests.gem5_configs.fake_gem5 import elf, started
from tests.gem5_configs.gem5_statistics import CORE, statistics
from tilewright.base.errors import ConfigError
from tilewright.base.tools import find_gem5
from tilewright.gem5_configs.runs import COLUMNS, read_runs


def cli(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return run("cpu", *arguments, **env)


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
    assert {arguments for _, arguments in started(gem5)} == {"a b"}
    again = cli(*arguments, "--ghz", "10,100", GEM5=gem5.command[0])
    assert again.returncode == 0
    assert again.stderr.count("(kept)") == 6
    assert "super-core" in again.stdout
    assert len(started(gem5)) == 6


def test_a_failed_run_has_status_3(gem5, program):
    result = cli("run", "--program", str(program), "--arguments", "fail", GEM5=gem5.command[0])
    assert (result.returncode, result.stdout) == (3, "")
    assert "tilewright: error: o3 cryogenic 4 GHz program: the program says: gemv: wrong result" in result.stderr


def test_predictions_start_from_runs(gem5, program, tmp_path):
    out = tmp_path / "out"
    ran = cli("run", "--program", str(program), "--domains", "all-cryo", "--out", str(out), GEM5=gem5.command[0])
    assert ran.returncode == 0, ran.stderr
    predicted = cli("predict", "--baseline", str(out / "cpu-run.csv"), "--core-ghz", "100", "--json")
    assert predicted.returncode == 0, predicted.stderr
    assert "program" in predicted.stdout


def test_rows_name_their_host(gem5, program, tmp_path):
    arguments = ["run", "--program", str(program), "--domains", "all-cryo", "--memory", "ddr3-1600"]
    ran = cli(*arguments, "--out", str(tmp_path), GEM5=gem5.command[0])
    assert ran.returncode == 0, ran.stderr
    assert "host cryogenic+ddr3-1600" in ran.stdout
    file = tmp_path / "cpu-run.csv"
    header, row = file.read_text().splitlines()
    others = [row.replace("cryogenic+ddr3-1600", host) for host in ("baseline", "cryogenic+lpddr3-1600")]
    file.write_text("\n".join([header, row, *others]) + "\n")
    for host in ("baseline", "cryogenic", "cryogenic+ddr3-1600", "cryogenic+lpddr3-1600"):
        predicted = cli("predict", "--baseline", str(file), "--host", host, "--core-ghz", "100", "--json")
        assert len(json.loads(predicted.stdout)["workloads"]) == 1
    file.write_text("\n".join([header, *others]) + "\n")
    refused = cli("predict", "--baseline", str(file), "--core-ghz", "100")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no run of host 'cryogenic'; its runs are of baseline, cryogenic+lpddr3-1600" in refused.stderr


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
        (
            ["run", "--workload", "gemv", "--domains", "super-core", "--ghz", "0"],
            "--ghz = 0.0 is not allowed: input should",
        ),
        (["run", "--workload", "gemv", "--domains", "all-cryo", "--ghz", "5,nan"], "--ghz = nan is not allowed"),
        (["run", "--workload", "gemv", "--ghz", "10"], "--ghz is the clock of what --domains makes fast: give that"),
        (["run", "--workload", "gemv", "--ghz", "1,x"], "--ghz = '1,x' is not allowed"),
        (["run", "--workload", "gemv", "--memory", "ddr9"], "--memory: unknown memory 'ddr9'"),
        (["run", "--workload", "gemv", "--host", "warm"], "unknown host 'warm'"),
        (["run", "--program", "none"], "none: cannot be read: No such file or directory"),
        (["stats", "none.txt"], "none.txt: cannot be read: No such file"),
    ],
)
def test_bad_arguments_are_refused(arguments, said):
    result = cli(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a 64-bit ELF file"),
        (b"#!/bin/sh\n", "is not a 64-bit ELF file"),
        (elf()[:60], "is cut off"),
        (elf()[:66], "is cut off"),
        (elf(machine=62), "is of machine 62, not of RISC-V (243)"),
        (elf(segment=3), "is linked dynamically"),
    ],
)
def test_a_program_that_gem5_cannot_run_is_refused(gem5, tmp_path, content, said):
    file = tmp_path / "own"
    file.write_bytes(content)
    result = cli("run", "--program", str(file), GEM5=gem5.command[0])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"tilewright: error: {file}: {said}: it must be a static 64-bit RISC-V program")
    assert started(gem5) == []


def test_statistics_made_elsewhere_are_read(tmp_path):
    (tmp_path / "stats.txt").write_text(statistics("minor", **{f"{CORE}.numCycles": 123}))
    result = cli("stats", str(tmp_path), "--json")
    assert json.loads(result.stdout)["runs"][0]["core_cycles"] == 123
    assert "0.473" in cli("stats", str(tmp_path / "stats.txt")).stdout
    wrong = cli("stats", str(tmp_path), "--core", "o3")
    assert wrong.returncode == 2
    assert "is an in-order (Minor) core" in wrong.stderr
    (tmp_path / "stats.txt").write_text("")
    assert "empty" in cli("stats", str(tmp_path)).stderr


@pytest.fixture
def gem5_that_says(tmp_path, monkeypatch):
    """Return a function of what a gem5 named by GEM5 says of itself."""
    program = tmp_path / "gem5.opt"
    monkeypatch.setenv("GEM5", str(program))

    def says(line: str) -> None:
        program.write_text(f"#!/bin/sh\necho 'gem5 Simulator System'\necho '{line}'\n")
        program.chmod(0o755)
        find_gem5.cache_clear()

    yield says
    find_gem5.cache_clear()


@pytest.mark.parametrize(("line", "version"), [("version 24.0.0.1", "24.0"), ("version [DEVELOP-FOR-25.0]", "25.0")])
def test_gem5_is_asked_its_version(gem5_that_says, line, version):
    gem5_that_says(f"{line} riscv 1")
    assert find_gem5().version == version


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("version 23.1.0.0 riscv 1", "is version 23.1: 24.0 is needed"),
        ("version 24.1.0.3 riscv 0", "is not built for RISC-V: `scons build/RISCV/gem5.opt`"),
        ("something else", "does not say its version: 24.0 is needed"),
    ],
)
def test_a_gem5_that_cannot_run_hosts_is_refused(gem5_that_says, line, said):
    gem5_that_says(line)
    with pytest.raises(ConfigError) as error:
        find_gem5()
    assert said in str(error.value)
