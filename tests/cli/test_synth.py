"""``tilewright synth``, and the table of blocks behind it and ``generate``."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.cli.command_line import refused, run
from tests.hw.synth.small_library import VOLTAGE, SmallLibrary
from tilewright import cli
from tilewright.api.blocks import BLOCKS, Block, Option
from tilewright.api.generate import synth
from tilewright.base.tools import find_synthesis_tools
from tilewright.cli import generate_command, synth_command
from tilewright.hw.generate import Design, unit
from tilewright.hw.synth import flow
from tilewright.sim.energy.process_scaling import ProcessPoint, scaling
from tilewright.sim.formats import Posit

TOOLS = find_synthesis_tools()
needs_tools = pytest.mark.skipif(not (TOOLS.abc and TOOLS.sta), reason="needs berkeley-abc and opensta")


class Register(wiring.Component):
    """Registers in a row; without any, a wire."""

    def __init__(self, *, width: int, stages: int):
        super().__init__({"i": In(width), "o": Out(width)})
        self.LATENCY = stages

    def elaborate(self, platform):
        m = Module()
        value = self.i
        for _ in range(self.LATENCY):
            last, value = value, type(value)(value.shape(), reset_less=True)
            m.d.sync += value.eq(last)
        m.d.comb += self.o.eq(value)
        return m


def build(*, format: Posit, style: str, stages: int) -> Design:
    if stages > 9:
        raise ValueError(f"stages = {stages} is not allowed: it must be 0 to 9")
    return unit("register", Register(width=format.n, stages=stages), format=format, style=style, pipeline_stages=stages)


FORMAT = Option(name="format", kind="format", about="Posit.", default="posit8_0")
STYLE = Option(name="style", kind="text", about="How.", default="plain", choices=("plain", "fancy"))
STAGES = Option(name="stages", about="Pipeline registers.", default=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> str:
    """Return a folder for results of tools, which tests of this module share."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def command(monkeypatch, cache, capsys):
    """Return a function that runs the command line in this process, with a block ``register``."""
    block = Block(
        about="Registers in a row", builder=f"{__name__}:build", example="--stages 1", options=(FORMAT, STYLE, STAGES)
    )
    monkeypatch.setitem(BLOCKS, "register", block)
    monkeypatch.setenv("TILEWRIGHT_CACHE", cache)

    def call(*arguments: str) -> tuple[int, str, str]:
        for group in (generate_command, synth_command):
            monkeypatch.setitem(group.command._about, "register", "Registers in a row")
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return call


def test_a_block_is_one_entry(command, tmp_path):
    status, out, _ = command("generate", "register", "--format", "posit4_1", "--out", str(tmp_path), "--json")
    assert status == 0
    ports = json.loads(out)
    assert ports["configuration"] == {"format": "posit4_1", "style": "plain", "pipeline_stages": 1}
    assert ports["timing"]["latency_cycles"] == 1
    assert [port["name"] for port in ports["ports"]] == ["clk", "rst", "i", "o"]
    assert (tmp_path / "register.v").read_text().count("\nmodule register(") == 1


def test_a_combinational_block_has_no_clock(command, tmp_path):
    _, out, _ = command("generate", "register", "--stages", "0", "--out", str(tmp_path), "--json")
    assert [port["name"] for port in json.loads(out)["ports"]] == ["i", "o"]
    status, text, _ = command("report", str(tmp_path))
    assert (status, "register" in text) == (0, True)


@pytest.mark.parametrize("group", ["generate", "synth"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--style", "fanci"], "'--style': 'fanci' is not allowed (did you mean 'fancy'? one of: fancy, plain)"),
        (["--format", "posit8-0"], "'--format': unknown format 'posit8-0' (did you mean 'posit8_0'?"),
        (["--stages", "10"], "--stages = 10 is not allowed: it must be 0 to 9"),
        (["--stages", "x"], "'--stages': 'x' is not a valid integer"),
        (["--stage", "1"], "No such option '--stage'"),
    ],
)
def test_bad_options_of_a_block_get_one_line(command, group, arguments, said):
    status, out, err = command(group, "register", *arguments)
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert said in line


def test_synth_as_json_and_as_a_table(command, tmp_path):
    arguments = ("synth", "register", "--stages", "2", "--out", str(tmp_path))
    status, out, _ = command(*arguments, "--json")
    assert status == 0
    result = json.loads(out)
    assert result.pop("files") == [str(tmp_path / "register.synth.json")]
    assert {
        "block", "module", "configuration", "lut", "ff", "cells", "area_um2", "macros_um2", "macros_leakage_uw", "macros", "flip_flops", "clock_gates",
        "gated_flip_flops", "path_ns", "power_uw", "internal_uw", "switching_uw", "leakage_uw", "clock_pins_uw", "clock_idle_uw", "clock_tree_uw", "clock_tree", "power_lacks", "power_clock_mhz",
        "power_activity", "power_output_load_ff", "internal_factor", "primitives", "failed", "tools", "liberty", "library", "missing",
        "scaled",
    } == set(result)  # fmt: skip
    assert (result["lut"], result["ff"], result["cells"]) == (0, 16, 16)
    assert json.loads((tmp_path / "register.synth.json").read_text()) == result
    status, text, _ = command(*arguments)
    for part in ("register", "format=posit8_0", "LUT", "area um2", "by yosys"):
        assert part in text
    assert "register" in command("report", str(tmp_path))[1]


def test_a_second_call_runs_no_tool(command, monkeypatch):
    arguments = ("synth", "register", "--stages", "2", "--json")
    _, first, _ = command(*arguments)
    monkeypatch.setattr("tilewright.hw.synth.run.run_tool", None)
    status, second, _ = command(*arguments)
    assert (status, second) == (0, first)


def test_without_optional_tools_it_says_what_is_missing(command, monkeypatch, tmp_path):
    from tilewright.base import tools

    monkeypatch.setattr(tools, "OSU018", Path("/nowhere.lib"))
    monkeypatch.delenv("TILEWRIGHT_LIBERTY", raising=False)
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    for find in (tools.find_abc, tools.find_sta):
        find.cache_clear()
    status, out, _ = command("synth", "register", "--json")
    result = json.loads(out)
    assert status == 0
    assert (result["lut"], result["ff"], result["cells"]) == (0, 8, 8)
    assert result["area_um2"] is result["path_ns"] is result["power_uw"] is result["liberty"] is None
    packages = ("qflow-tech-osu018", "berkeley-abc", "opensta")
    assert all(any(f"apt install {package}" in line for line in result["missing"]) for package in packages)
    text = " ".join(command("synth", "register")[1].split())
    assert all(f"apt install {package}" in text for package in packages)
    for find in (tools.find_abc, tools.find_sta):
        find.cache_clear()


@needs_tools
def test_several_liberty_files_and_conditions(command, tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "FPGA_SCRIPT", flow.CELLS_SCRIPT)  # the FPGA has no part in this and takes most time
    gates, rest = tmp_path / "gates.lib", tmp_path / "rest.lib.gz"
    gates.write_text(SmallLibrary(name="gates", cells=("INV", "NAND"), time=("1ps", 1e-3)).text())
    rest.write_bytes(gzip.compress(SmallLibrary(name="rest", cells=("BUF", "DFF"), time=("1ps", 1e-3)).text().encode()))
    named = ("--liberty", str(rest), "--liberty", str(gates))
    asked = ("synth", "register", "--clock-mhz", "50", "--activity", "0.2", "--output-load-ff", "3")
    status, out, _ = command(*asked, *named, "--json")
    result = json.loads(out)
    assert status == 0
    assert result["library"] == {
        "names": ["gates", "rest"], "cells": 4, "time_unit": "1ps", "voltage_unit": "1V", "capacitive_load_unit": "1pf",
        "leakage_power_unit": "1nW", "process": 1, "voltage_v": 1.5, "temperature_c": 85,
    }  # fmt: skip
    assert [result[f"power_{name}"] for name in ("clock_mhz", "activity", "output_load_ff")] == [50, 0.2, 3]
    assert result["power_uw"] > result["clock_pins_uw"] > result["leakage_uw"] > 0
    monkeypatch.setenv("TILEWRIGHT_LIBERTY", f"{rest}{os.pathsep}{gates}")
    assert json.loads(command(*asked, "--json")[1]) == result
    again = synth("register", liberty=[rest, gates], clock_mhz=50, activity=0.2, output_load_ff=3)
    assert json.loads(json.dumps(again.to_dict())) == result
    text = " ".join(command(*asked)[1].split())
    for part in ("library gates and 1 more: 4 cells; process 1, 1.5 V, 85 C; unit of time 1ps", "at 50 MHz",
                 "20% of the cycles", "3 fF at each output", "a tree, assumed, of 1 BUF"):  # fmt: skip
        assert part in text


@needs_tools
def test_figures_for_another_process_are_estimates_and_say_so(command, tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "FPGA_SCRIPT", flow.CELLS_SCRIPT)
    cells = tmp_path / "small.lib"
    cells.write_text(SmallLibrary().text())
    arguments = ("synth", "register", "--liberty", str(cells), "--node-nm", "180", "--scale-to", "28", "0.9")
    result = json.loads(command(*arguments, "--json")[1])
    factors = scaling(ProcessPoint(180, VOLTAGE), ProcessPoint(28, 0.9))
    scaled = result["scaled"]
    assert scaled["to"] == {"node_nm": 28, "voltage_v": 0.9}
    assert scaled["area_um2"] == pytest.approx(result["area_um2"] * factors.area)
    assert "leakage_uw" not in scaled
    for key, factor in (("path_ns", factors.delay), ("internal_uw", factors.energy), ("switching_uw", factors.energy)):
        assert scaled[key] == (None if result[key] is None else pytest.approx(result[key] * factor))
    said = command(*arguments)[1]
    for part in ("28 nm: area", "scaled from 180 nm, 1.5 V to 28 nm, 0.9 V", "estimate; 28 nm interpolated"):
        assert part in " ".join(said.split())
    status, _, err = command(*arguments[:-2], "400", "1")
    assert (status, err) == (2, "tilewright: error: node = 400 nm is not allowed: 7 to 180 nm\n")


def test_a_liberty_file_named_in_the_environment_must_exist():
    line = refused("synth", "cim-tile", "--system", "tiny", TILEWRIGHT_LIBERTY="/no/cells.lib")
    assert line == "TILEWRIGHT_LIBERTY = /no/cells.lib: there is no such file"


def test_doctor_does_without_the_optional_tools(tmp_path):
    for program in ("g++", "make"):
        where = shutil.which(program)
        if where is None:
            pytest.skip(f"needs {program}")
        (tmp_path / program).symlink_to(where)
    result = run("doctor", "--json", PATH=str(tmp_path))
    data = json.loads(result.stdout)
    optional = {tool["name"] for tool in data["tools"] if tool["optional"]}
    assert optional == {"icarus", "abc", "sta", "liberty", "RISC-V C compiler", "gem5"}
    if all(tool["found"] for tool in data["tools"] if not tool["optional"]):
        assert (result.returncode, data["complete"]) == (0, True)
