"""Designs whose cost is known, and what happens without tools or with bad input."""

import multiprocessing
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.base.cache import remember
from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.tools import OSU018, Tool, find_synthesis_tools
from tilewright.hw.synth.flow import Cost, cost
from tilewright.hw.synth.power import Conditions
from tilewright.hw.verilog import convert

ADDER = "module adder(input [7:0] a, b, output [7:0] sum); assign sum = a + b; endmodule\n"
REGISTER = "module register(input clk, input [7:0] d, output reg [7:0] q); always @(posedge clk) q <= d; endmodule\n"

TOOLS = find_synthesis_tools()
needs_cells = pytest.mark.skipif(TOOLS.liberty != (OSU018,), reason="needs the cells of qflow-tech-osu018")
needs_abc = pytest.mark.skipif(
    not (TOOLS.abc and TOOLS.abc.command[0].endswith("/berkeley-abc")), reason="needs berkeley-abc"
)
needs_sta = pytest.mark.skipif(TOOLS.sta is None, reason="needs opensta")


class Accumulate(wiring.Component):
    """INT8 multiply-accumulate in 32 bits, with an enable: what public MAC units are compared with."""

    enable: In(1)
    a: In(signed(8))
    b: In(signed(8))
    sum: Out(signed(32))

    def elaborate(self, platform):
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.sum.eq(self.sum + self.a * self.b)
        return m


MULTIPLY_ACCUMULATE = convert(Accumulate(), "mac")


def test_fpga_cost_of_a_multiply_accumulate_is_the_reference():
    # 261 LUT, 32 FF: `synth_xilinx -family xcup -nodsp` of Yosys 0.70. Another Yosys may differ a little.
    measured = cost(MULTIPLY_ACCUMULATE, "mac", TOOLS, parts=["fpga"])
    assert measured.ff == 32
    assert measured.lut == pytest.approx(261, rel=0.05)
    assert measured.lut == sum(n for name, n in measured.primitives.items() if re.fullmatch("LUT[1-6]", name))
    assert measured.cells is measured.area_um2 is measured.path_ns is measured.power_uw is None


@needs_cells
def test_area_of_a_multiply_accumulate_is_the_reference():
    assert cost(MULTIPLY_ACCUMULATE, "mac", TOOLS, parts=["area"]).area_um2 == pytest.approx(35_518, rel=0.02)


@needs_cells
@needs_abc
def test_path_of_a_multiply_accumulate_is_the_reference():
    # Its registers have power-up values and a synchronous reset, as all of Amaranth's.
    assert cost(MULTIPLY_ACCUMULATE, "mac", TOOLS, parts=["timing"]).path_ns == pytest.approx(4.63, rel=0.03)


@needs_cells
def test_a_register_is_eight_flip_flops():
    measured = cost(REGISTER, "register", TOOLS, parts=["fpga", "cells", "area"])
    assert (measured.lut, measured.ff, measured.cells) == (0, 8, 8)
    assert measured.area_um2 == 8 * 96  # DFFPOSX1


@needs_cells
@needs_abc
@needs_sta
def test_an_adder_has_a_carry_path_and_no_clock():
    measured = cost(ADDER, "adder", TOOLS)
    assert (measured.lut, measured.ff) == (8, 0)
    assert 20 <= measured.cells <= 60
    assert 0.5 < measured.path_ns < 1.5
    assert 10 < measured.power_uw < 200


@needs_cells
@needs_sta
def test_power_is_that_of_the_clock_when_nothing_else_changes():
    held = Conditions(activity=0)
    one = cost(REGISTER, "register", TOOLS, parts=["power"], conditions=held)
    two = cost(REGISTER.replace("7:0", "15:0"), "register", TOOLS, parts=["power"], conditions=held)
    assert one.power_uw > 10
    assert one.clock_pins_uw == pytest.approx(one.power_uw, rel=0.01)
    assert two.power_uw == pytest.approx(2 * one.power_uw, rel=0.01)


def test_cells_leave_out_what_is_no_hardware():
    inner = "module top(input [7:0] a, b, output [7:0] s); adder u(a, b, s); endmodule\n"
    flat = cost(ADDER, "adder", TOOLS, parts=["cells"])
    assert cost(ADDER + inner, "top", TOOLS, parts=["cells"]) == flat


def test_a_part_without_its_tool_is_left_out():
    bare = replace(TOOLS, liberty=(), abc=None, sta=None)
    assert cost(ADDER, "adder", bare, parts=["area", "timing", "power"]) == Cost()


@needs_cells
@pytest.mark.parametrize("part", ["timing", "power"])
def test_an_optional_tool_that_fails_costs_its_own_figures(tmp_path, part):
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho Error: no licence\nexit 1\n")
    program.chmod(0o755)
    broken = Tool({"timing": "abc", "power": "sta"}[part], (str(program),), "1", "system")
    measured = cost(ADDER, "adder", replace(TOOLS, **{broken.name: broken}), parts=["cells", part])
    assert measured.cells
    assert measured.path_ns is measured.power_uw is None
    assert measured.failed == {part: f"{broken.name} failed: Error: no licence"}


@needs_cells
@needs_sta
def test_power_of_an_output_that_is_split():
    split = "module split(input [3:0] a, b, output [3:0] c, d); assign {c[1:0], d} = {a, 2'b0} & {b, 2'b1}; assign c[3:2] = a[1:0]; endmodule"
    assert cost(split, "split", TOOLS, parts=["power"]).power_uw > 0


@pytest.mark.parametrize(
    ("verilog", "top", "said"),
    [
        ("module adder(input a; endmodule", "adder", "yosys failed: design.v:1: ERROR: syntax error"),
        (ADDER, "addre", "Module `addre' not found"),
        (ADDER, "adder; exec", "top module 'adder; exec': must be a plain Verilog name"),
    ],
)
def test_a_bad_text_is_one_line(tmp_path, monkeypatch, verilog, top, said):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    with pytest.raises((ConfigError, ToolError), match=re.escape(said)) as caught:
        cost(verilog, top, TOOLS, parts=["cells"], remember=remember("synth"))
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.rglob("*.result")) == [], "a failure is not kept"


def test_an_unknown_part_is_named():
    with pytest.raises(ConfigError, match="unknown part of synthesis 'lut': one of fpga, cells"):
        cost(ADDER, "adder", TOOLS, parts=["lut"])


@dataclass(frozen=True)
class Counted:
    """A stand-in for Yosys that notes each of its runs in a file."""

    folder: Path

    def tools(self, version: str = "1"):
        program = self.folder / "yosys"
        if not program.exists():
            program.write_text(
                f"#!/bin/sh\necho run >> {self.folder}/runs\n"
                'sleep 0.2; echo \'{"design": {"num_cells_by_type": {"$_AND_": 7}}}\' > stat.json\n'
            )
            program.chmod(0o755)
        return replace(TOOLS, yosys=Tool("yosys", (str(program),), version, "system"))

    @property
    def runs(self) -> int:
        return len((self.folder / "runs").read_text().split())


def measure(folder: str, verilog: str = ADDER, version: str = "1") -> int | None:
    os.environ["TILEWRIGHT_CACHE"] = f"{folder}/cache"
    tools = Counted(Path(folder)).tools(version)
    return cost(verilog, "adder", tools, parts=["cells"], remember=remember("synth")).cells


def test_results_are_kept_by_all_that_they_depend_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", "")  # restored afterwards
    counted, folder = Counted(tmp_path), str(tmp_path)
    assert [measure(folder), measure(folder)] == [7, 7]
    assert counted.runs == 1
    measure(folder, version="2")
    measure(folder, ADDER + "\n")
    assert counted.runs == 3


def test_a_spoilt_result_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", "")
    measure(str(tmp_path))
    [kept] = (tmp_path / "cache").rglob("*.result")
    kept.write_text("{")
    assert measure(str(tmp_path)) == 7


def test_two_processes_measure_once(tmp_path):
    Counted(tmp_path).tools()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(measure, [str(tmp_path)] * 2) == [7, 7]
    assert Counted(tmp_path).runs == 1
