"""Energy of a netlist at work, with a library whose energies are known."""

import pytest

from tests.hw.synth.small_library import CLOCK_PJ, GATE_PJ, LEAKAGE_NW, VOLTAGE, SmallLibrary
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.power import Conditions
from tilewright.hw.synth.work_power import CellNetlist, NetEnergies, cell_netlist, net_energies

TOOLS = find_synthesis_tools()
pytestmark = pytest.mark.skipif(TOOLS.sta is None, reason="needs opensta")
# A flip-flop, whose output goes out and to an inverter, whose output goes to another flip-flop.
VERILOG = """
module top(input clk, input a, output reg [1:0] q);
  always @(posedge clk) begin
    q[0] <= a;
    q[1] <= ~q[0];
  end
endmodule
"""
PIN_PF = 0.01


@pytest.fixture(scope="module", params=[("1ns", 1.0), ("1ps", 1e-3)], ids=["ns", "ps"])
def library(request, tmp_path_factory) -> Library:
    file = tmp_path_factory.mktemp("library") / "small.lib"
    file.write_text(SmallLibrary(time=request.param).text())
    return read_library([file])


@pytest.fixture(scope="module")
def design(library) -> CellNetlist:
    return cell_netlist(VERILOG, "top", TOOLS.yosys, library)


@pytest.fixture(scope="module")
def energies(design, library) -> NetEnergies:
    return net_energies(TOOLS.sta, design, library)


def test_energies_are_what_the_tables_state(design, energies):
    assert design.netlist.count("DFF ") == 2
    assert design.netlist.count("INV ") == 1
    assert "module DFF" in design.models
    assert energies.clock_pj == pytest.approx(2 * 2 * CLOCK_PJ, rel=1e-4)
    assert energies.leakage_uw == pytest.approx(3 * LEAKAGE_NW / 1000, rel=1e-4)
    pin_pj = PIN_PF * VOLTAGE**2 / 2
    [inverted] = set(energies.change_pj) - {"q[0]", "q[1]"}
    # The library states no energy of a change inside a flip-flop.
    assert energies.change_pj["q[0]"] == pytest.approx(pin_pj, rel=1e-3)
    assert energies.change_pj["q[1]"] == pytest.approx(0, abs=1e-9)
    assert energies.change_pj[inverted] == pytest.approx(GATE_PJ + pin_pj, rel=1e-3)


def test_energy_is_the_clock_and_every_change(energies):
    still = {**dict.fromkeys(energies.change_pj, 0), "clk": 8}
    assert energies.of(still) == pytest.approx(4 * energies.clock_pj)
    for net, pj in energies.change_pj.items():
        assert energies.of(still | {net: 1}) == pytest.approx(4 * energies.clock_pj + pj)
    with pytest.raises(ValueError, match=r"no toggles of 1 nets, of q\[0\] among them"):
        energies.of({net: each for net, each in still.items() if net != "q[0]"})


def test_energy_does_not_depend_on_the_clock(design, energies, library):
    faster = net_energies(TOOLS.sta, design, library, conditions=Conditions(clock_mhz=400))
    assert faster.clock_pj == pytest.approx(energies.clock_pj, rel=1e-4)
    assert faster.change_pj == pytest.approx(energies.change_pj, rel=1e-3, abs=1e-9)


# The design from above in another one, beside an inverter of its own.
AROUND = """
module around(input clk, input a, output [1:0] q, output r);
  top inner (.clk(clk), .a(a), .q(q));
  assign r = ~q[1];
endmodule
"""


def test_instances_that_are_kept_are_no_part_of_the_energies(library):
    around = cell_netlist(AROUND + VERILOG, "around", TOOLS.yosys, library, kept=["top"])
    assert "top inner (" in around.netlist
    assert "top inner (" not in around.cells
    assert "module DFF" not in around.models
    found = net_energies(TOOLS.sta, around, library)
    assert found.clock_pj == 0
    assert list(found.change_pj) == ["r"]
    assert found.change_pj["r"] == pytest.approx(GATE_PJ, rel=1e-3)
