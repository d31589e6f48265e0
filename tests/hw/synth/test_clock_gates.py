"""Clock gates: where they are, what they cost, and that a design with them does what it does without."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.hw.synth.small_library import CLOCK_GATE_PJ, CLOCK_PJ, GATE_PJ, LEAKAGE_NW, VOLTAGE, SmallLibrary
from tilewright.base.errors import ToolError
from tilewright.base.tool_runs import run_tool
from tilewright.base.tools import find_icarus, find_synthesis_tools
from tilewright.hw.synth.cell_simulation import CellSimulator
from tilewright.hw.synth.clock_gates import MOST_FLIP_FLOPS, gate_counts
from tilewright.hw.synth.flow import cost
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.netlist import netlist
from tilewright.hw.synth.netlist_bits import bit_netlist
from tilewright.hw.synth.parts import Part, PartClock, part_clock, part_cost
from tilewright.hw.synth.work_power import cell_netlist, net_energies

TOOLS = find_synthesis_tools()
needs_abc = pytest.mark.skipif(TOOLS.abc is None, reason="needs berkeley-abc")
needs_sta = pytest.mark.skipif(TOOLS.sta is None, reason="needs opensta")
WITH_GATE = ("INV", "NAND", "BUF", "DFF", "ICG")
PIN_PF, EDGES_PER_S = 0.01, 2 * 100e6
# A register with an enable and a reset, one with the same enable alone, two bits with another one, and one with none.
VERILOG = """
module top(input clk, input rst, input en, input odd, input [3:0] d, output reg [3:0] q, p, output reg [1:0] few,
           output reg [3:0] free);
  always @(posedge clk) begin
    if (rst) q <= 5; else if (en) q <= d;
    if (en) p <= d;
    if (odd) few <= d;
    free <= d;
  end
endmodule
"""
WIDE = (
    "module wide(input clk, en, input [79:0] d, output reg [79:0] q); always @(posedge clk) if (en) q <= d; endmodule\n"
)
CYCLES = 300


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    file = tmp_path_factory.mktemp("library") / "small.lib"
    file.write_text(SmallLibrary(cells=WITH_GATE).text())
    return read_library([file])


def area(library: Library, verilog: str, top: str, **about):
    return cost(verilog, top, replace(TOOLS, liberty=library.files), parts=["area"], library=library, **about)


def test_the_gate_is_found_by_what_its_pins_are_for(library, tmp_path):
    gate = library.clock_gate
    assert (gate.cell, gate.enable, gate.clock, gate.output, gate.tied) == ("ICG", "EN", "CK", "GCK", ("TE",))
    text = SmallLibrary(cells=WITH_GATE).text()
    for what in ("clock_gating_integrated_cell : latch_posedge_precontrol;", "clock_gate_test_pin : true;"):
        file = tmp_path / "other.lib"
        file.write_text(text.replace(what, ""))
        assert read_library([file]).clock_gate is None


def test_registers_with_an_enable_are_gated_and_lose_their_multiplexers(library):
    gates, plain = area(library, VERILOG, "top"), area(library, VERILOG, "top", clock_gates=False)
    # The reset enables its register, too, so that the two registers have a gate each; two bits are too few for one.
    assert (gates.flip_flops, gates.clock_gates, gates.gated_flip_flops) == (14, 2, 8)
    assert (plain.flip_flops, plain.clock_gates, plain.gated_flip_flops) == (14, 0, 0)
    assert gates.area_um2 < plain.area_um2 - 8 * 1.5


def test_a_library_without_such_a_cell_leaves_clocks_alone(tmp_path):
    file = tmp_path / "small.lib"
    file.write_text(SmallLibrary().text())
    bare = read_library([file])
    assert area(bare, VERILOG, "top") == area(bare, VERILOG, "top", clock_gates=False)


def test_a_gate_of_many_flip_flops_is_there_several_times(library):
    found = area(library, WIDE, "wide")
    assert (found.clock_gates, found.gated_flip_flops) == (3, 80)
    assert found.area_um2 == pytest.approx(80 * 6 + 3 * 4)
    text = cell_netlist(WIDE, "wide", TOOLS.yosys, library).netlist
    assert gate_counts(text, library.clock_gate).gates == 3
    bits = bit_netlist(text)
    users: dict[int, int] = {}
    for each, pins in zip(bits.instances, bits.pins, strict=True):
        if each.cell == "DFF":
            users[pins["CK"][0]] = users.get(pins["CK"][0], 0) + 1
        else:
            assert pins["EN"] == bits.inputs["en"]
            assert pins["CK"] == bits.inputs["clk"]
            assert pins["TE"] == [0]
    assert sorted(users.values()) == [80 - 2 * MOST_FLIP_FLOPS, MOST_FLIP_FLOPS, MOST_FLIP_FLOPS]


@needs_abc
def test_a_path_to_an_enable_counts(library):
    # The enable is the parity of many inputs, and the data come as they are.
    deep = """module deep(input clk, input [15:0] a, input [7:0] d, output reg [7:0] q);
      always @(posedge clk) if (^a) q <= d;
    endmodule
    """
    tools = replace(TOOLS, liberty=library.files)
    gates, plain = (
        cost(deep, "deep", tools, parts=["timing"], library=library, clock_gates=on).path_ns for on in (True, False)
    )
    assert not area(library, deep, "deep").failed
    assert 0.5 * plain < gates < plain


def values() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    given = {name: rng.integers(0, 2, CYCLES) for name in ("en", "odd")}
    given |= {"rst": (rng.integers(0, 8, CYCLES) == 0).astype(int), "d": rng.integers(0, 16, CYCLES)}
    given["rst"][0] = given["en"][0] = given["odd"][0] = 1
    return given


def expected(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the registers in each cycle, as the Verilog has them."""
    found = {name: np.zeros(CYCLES, int) for name in ("q", "p", "few", "free")}
    for cycle in range(CYCLES - 1):
        rst, en, odd, d = (int(given[name][cycle]) for name in ("rst", "en", "odd", "d"))
        now = {name: values[cycle] for name, values in found.items()}
        found["q"][cycle + 1] = 5 if rst else d if en else now["q"]
        found["p"][cycle + 1] = d if en else now["p"]
        found["few"][cycle + 1] = d % 4 if odd else now["few"]
        found["free"][cycle + 1] = d
    return found


def bits_of(signals: dict[str, np.ndarray], nets: dict[str, list[int]]) -> np.ndarray:
    return np.concatenate(
        [(values[:, None] >> np.arange(len(nets[name])) & 1).astype(np.uint8) for name, values in signals.items()], 1
    )


def simulated(text: str, library: Library):
    bits, given = bit_netlist(text), values()
    wanted = expected(given)
    nets = {**bits.inputs, **bits.outputs}
    simulator = CellSimulator(
        bits, library, *([net for name in names for net in nets[name]] for names in (given, wanted))
    )
    return simulator.run(bits_of(given, nets), bits_of(wanted, nets), np.zeros(CYCLES, int)), given


def test_cells_with_gates_do_what_the_design_does(library):
    design = cell_netlist(VERILOG, "top", TOOLS.yosys, library)
    run, given = simulated(design.netlist, library)
    assert run.wrong.tolist() == [0]
    # The net of a gated clock changes twice in each cycle whose enable is 1.
    gate, enabled = library.clock_gate, {int(given["en"].sum()), int((given["en"] | given["rst"]).sum())}
    gated = {each.connections["GCK"] for each in bit_netlist(design.netlist).instances if each.cell == gate.cell}
    assert {run.toggles(0)[net] // 2 for net in gated} == enabled


def test_a_gate_with_the_wrong_enable_is_found(library):
    design = cell_netlist(VERILOG, "top", TOOLS.yosys, library)
    broken = design.netlist.replace(".EN(en)", ".EN(odd)")
    assert broken != design.netlist
    run, _ = simulated(broken, library)
    assert run.wrong[0] > 0


@pytest.mark.parametrize("broken", [False, True])
def test_the_netlist_that_users_get_does_the_same_in_icarus(library, tmp_path, broken):
    icarus = find_icarus()
    texts = netlist(VERILOG, "top", replace(TOOLS, liberty=library.files), library=library)
    given = values()
    wanted = expected(given)
    cells = texts[".cells.v"].replace("= EN", "= 1'b1") if broken else texts[".cells.v"]
    steps = "".join(
        f"    rst = {rst}; en = {en}; odd = {odd}; d = {d}; #1;\n"
        + (
            f"    if ({{q, p, few, free}} !== {{4'd{q}, 4'd{p}, 2'd{few}, 4'd{free}}}) wrong = wrong + 1;\n"
            if cycle
            else ""
        )
        + "    #1 clk = 1; #2 clk = 0;\n"
        for cycle, (rst, en, odd, d, q, p, few, free) in enumerate(
            zip(*(given[name] for name in ("rst", "en", "odd", "d")), *wanted.values(), strict=True)
        )
    )
    bench = f"""module bench;
  reg clk, rst, en, odd; reg [3:0] d; wire [3:0] q, p, free; wire [1:0] few; integer wrong;
  top dut(.clk(clk), .rst(rst), .en(en), .odd(odd), .d(d), .q(q), .p(p), .few(few), .free(free));
  initial begin
    clk = 0; wrong = 0;
{steps}    $display("wrong %0d", wrong);
  end
endmodule
"""
    (tmp_path / "all.v").write_text(texts[".netlist.v"] + cells + bench)
    run_tool(icarus, ["-g2005", "-o", "bench", "all.v"], tmp_path)
    said = run_tool(replace(icarus, command=(str(Path(icarus.command[0]).with_name("vvp")),)), ["bench"], tmp_path)
    assert (said.split()[-2:] == ["wrong", "0"]) is not broken


@needs_sta
def test_energy_of_gates_and_of_the_flip_flops_that_they_drive(library):
    energies = net_energies(TOOLS.sta, cell_netlist(WIDE, "wide", TOOLS.yosys, library), library)
    # With the enable at 0, three gates alone take energy, at two edges a cycle.
    assert energies.clock_pj == pytest.approx(3 * 2 * CLOCK_GATE_PJ, rel=1e-3)
    assert energies.leakage_uw == pytest.approx(83 * LEAKAGE_NW / 1000, rel=1e-4)
    gated = {net: pj for net, pj in energies.change_pj.items() if not net.startswith("q[")}
    assert len(gated) == 3
    for users, pj in zip((16, MOST_FLIP_FLOPS, MOST_FLIP_FLOPS), sorted(gated.values()), strict=True):
        # An edge: in the gate, at the pins, and in the flip-flops.
        assert pj == pytest.approx(GATE_PJ + users * (PIN_PF * VOLTAGE**2 / 2 + CLOCK_PJ), rel=1e-3)


@needs_sta
def test_power_counts_edges_that_gates_pass(library):
    tools = replace(TOOLS, liberty=library.files)

    def power(verilog: str, **about):
        return cost(verilog, "wide", tools, parts=["power"], library=library, **about)

    # Nothing but the clock moves, and inputs are 1 half of the time.
    still = power(WIDE)
    idle_uw = (3 * 2 * CLOCK_GATE_PJ * 100e6 * 1e-6) + 83 * LEAKAGE_NW / 1000
    edge_pj = 3 * GATE_PJ + 80 * (PIN_PF * VOLTAGE**2 / 2 + CLOCK_PJ)
    assert still.clock_idle_uw == pytest.approx(idle_uw, rel=1e-3)
    assert still.clock_pins_uw - still.clock_idle_uw == pytest.approx(0.5 * edge_pj * EDGES_PER_S * 1e-6, rel=1e-3)
    assert still.power_uw > still.clock_pins_uw
    # An enable that is 1 in a quarter of the cycles.
    rarely = power(WIDE.replace("clk, en,", "clk, en, on,").replace("if (en)", "if (en & on)"))
    assert rarely.clock_pins_uw - rarely.clock_idle_uw == pytest.approx(0.25 * edge_pj * EDGES_PER_S * 1e-6, rel=1e-3)
    assert power(WIDE, clock_gates=False).clock_idle_uw > 10 * still.clock_idle_uw
    assert still.clock_tree == "1 BUF"


def test_gates_are_no_part_of_what_is_kept_without_them(library):
    asked = []

    def remember(inputs, make):
        asked.append(tuple(inputs))
        return {}

    for on in (True, False):
        tools = replace(TOOLS, liberty=library.files, sta=TOOLS.yosys, abc=TOOLS.yosys)
        cost(WIDE, "wide", tools, library=library, clock_gates=on, remember=remember)
    assert len({*asked}) == len(asked) - 2, "look-up tables and generic cells do not depend on gates"


def test_a_failing_tool_is_an_error_of_its_own(library):
    broken = replace(TOOLS.yosys, command=("false",), name="sta")
    design = cell_netlist(WIDE, "wide", TOOLS.yosys, library)
    with pytest.raises(ToolError):
        net_energies(broken, design, library)


def test_counting_gates_of_a_part_without_a_mapping_finds_the_same(library):
    for verilog, top in ((VERILOG, "top"), (WIDE, "wide")):
        found = part_clock(Part(top, 1, verilog, ()), TOOLS.yosys, library)
        mapped = area(library, verilog, top)
        assert found == PartClock(mapped.flip_flops, mapped.gated_flip_flops, mapped.clock_gates)
        cells = part_cost(Part(top, 1, verilog, ()), TOOLS.yosys, library)
        assert cells.cells_um2 == pytest.approx(mapped.area_um2)
        assert (cells.cells["ICG"], cells.gated_flip_flops) == (mapped.clock_gates, mapped.gated_flip_flops)
