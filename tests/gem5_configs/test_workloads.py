"""The workloads in C: right results are accepted and wrong ones found, on this machine and on RISC-V."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.tools import Tool, find_riscv_compiler
from tilewright.gem5_configs.build import SIZES, WORKLOADS, build

HOST_COMPILER = Tool("C compiler", (os.environ.get("CC") or shutil.which("gcc") or "cc",), "", "system")
QEMU = shutil.which("qemu-riscv64") or shutil.which("qemu-riscv64-static")
FAULT = "-DPLANTED_FAULT"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path_factory.getbasetemp() / "workloads"))


@pytest.fixture
def riscv() -> Tool:
    try:
        compiler = find_riscv_compiler()
    except ConfigError as error:
        pytest.skip(str(error))
    if QEMU is None:
        pytest.skip("no qemu-riscv64 found")
    return compiler


def test_there_are_the_workloads_of_a_host():
    assert set(WORKLOADS) == {
        "bfs", "cg", "chase", "gemm", "gemv", "rmsnorm", "sampling", "softmax", "sort", "triad",
    }  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_right_result_is_accepted(name, size):
    result = run(build(name, HOST_COMPILER, ()), "--size", size)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{name} --size {size} --repeat ")
    assert result.stdout.endswith(": right\n")


@pytest.mark.parametrize("size", ["l1", "l2"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_wrong_result_is_found(name, size):
    result = run(build(name, HOST_COMPILER, (FAULT,)), "--size", size)
    assert result.returncode == 1
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith(f"{name}: wrong result: ")


@pytest.mark.parametrize("name", WORKLOADS)
def test_repetitions_are_counted(name):
    program = build(name, HOST_COMPILER, ())
    assert run(program, "--repeat", 3).stdout == f"{name} --size l1 --repeat 3: right\n"


@pytest.mark.parametrize(
    "arguments", [["--size", "l4"], ["--repeat", "0"], ["--repeat", "2x"], ["--repeat"], ["-h", "1"]]
)
def test_a_bad_command_line_is_refused(arguments):
    result = run(build("triad", HOST_COMPILER, ()), *arguments)
    assert result.returncode == 2
    assert "allowed are --size l1|l2|l3|memory" in result.stderr


@pytest.mark.parametrize("name", WORKLOADS)
def test_riscv_programs_check_themselves(name, riscv):
    result = run(QEMU, build(name, riscv))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(": right\n")
    wrong = run(QEMU, build(name, riscv, ("-march=rv64gc", FAULT)))
    assert wrong.returncode == 1
    assert "wrong result" in wrong.stderr


def test_riscv_programs_have_no_vectors(riscv):
    header = run("readelf", "-A", build("gemv", riscv)).stdout
    assert "rv64i" in header
    assert "_v1" not in header


def test_a_program_is_built_once(monkeypatch):
    program = build("gemv", HOST_COMPILER, ())
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("built again"))
    assert build("gemv", HOST_COMPILER, ()) == program


def test_flags_and_compilers_have_programs_of_their_own():
    programs = {build("gemv", HOST_COMPILER, flags) for flags in ((), (FAULT,), ("-g",))}
    assert len(programs) == 3


def test_a_failed_build_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    with pytest.raises(ToolError, match=r"failed: .*gemv\.c.*error"):
        build("gemv", HOST_COMPILER, ("-Dmain=(",))
    assert list(Path(tmp_path, "workloads").iterdir()) == []


def test_an_unknown_workload_is_refused():
    with pytest.raises(ConfigError, match=r"unknown workload 'gemw' \(did you mean 'gem[mv]'\?"):
        build("gemw", HOST_COMPILER, ())


def test_a_missing_compiler_is_said(monkeypatch):
    find_riscv_compiler.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("RISCV_CC", raising=False)
    with pytest.raises(
        ConfigError, match=r"no RISC-V C compiler found: install one \(Debian: `apt install gcc-riscv64"
    ):
        find_riscv_compiler()
    find_riscv_compiler.cache_clear()
