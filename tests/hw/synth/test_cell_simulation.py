"""Simulation of netlists of cells, beside what the design computes."""

import numpy as np
import pytest

from tests.hw.synth.small_library import SmallLibrary
from tilewright.base.errors import ConfigError
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.cell_simulation import CellSimulator
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.netlist_bits import bit_netlist
from tilewright.hw.synth.work_power import cell_netlist

# A counter with a load, a mask of its value, and an instance that is kept.
VERILOG = """
module other(input [3:0] there, output [3:0] back);
endmodule
module top(input clk, input load, input [3:0] value, output [3:0] count, output [3:0] masked, output [1:0] fixed);
  reg [3:0] count;
  wire [3:0] back;
  other inner (.there(count ^ value), .back(back));
  assign masked = count & back;
  assign fixed = 2'b10;
  always @(posedge clk) count <= load ? value : count + 1;
endmodule
"""
CYCLES = 500


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    file = tmp_path_factory.mktemp("library") / "small.lib"
    file.write_text(SmallLibrary().text())
    return read_library([file])


@pytest.fixture(scope="module")
def netlist(library):
    return cell_netlist(VERILOG, "top", find_synthesis_tools().yosys, library, kept=["other"])


def bits_of(values, width):
    return (np.asarray(values)[:, None] >> np.arange(width) & 1).astype(np.uint8)


@pytest.fixture(scope="module")
def design():
    """Values of load, value and back in each cycle, and of count, masked and there."""
    rng = np.random.default_rng(5)
    load, value, back = rng.integers(0, 2, CYCLES), rng.integers(0, 16, CYCLES), rng.integers(0, 16, CYCLES)
    count = np.zeros(CYCLES, int)
    for cycle in range(CYCLES - 1):
        count[cycle + 1] = value[cycle] if load[cycle] else (count[cycle] + 1) % 16
    return {"load": load, "value": value, "back": back}, {
        "count": count,
        "masked": count & back,
        "there": count ^ value,
    }


def simulated(netlist, library, design, segment=None):
    bits = bit_netlist(netlist.netlist)
    [inner] = [pins for each, pins in zip(bits.instances, bits.pins, strict=True) if each.cell == "other"]
    nets = {**bits.inputs, **bits.outputs, **inner}
    given, expected = design
    given = {"clk": np.zeros(CYCLES, int), **given}
    expected = {"fixed": np.full(CYCLES, 2), **expected}
    simulator = CellSimulator(
        bits, library, *([net for name in names for net in nets[name]] for names in (given, expected))
    )
    arrays = (
        np.concatenate([bits_of(values, len(nets[name])) for name, values in signals.items()], axis=1)
        for signals in (given, expected)
    )
    run = simulator.run(*arrays, np.zeros(CYCLES, int) if segment is None else segment)
    return run, nets


def test_outputs_are_those_of_the_design(netlist, library, design):
    run, _ = simulated(netlist, library, design)
    assert run.wrong.tolist() == [0]


@pytest.mark.parametrize("name", ["count", "masked", "there"])
def test_one_wrong_bit_in_one_cycle_is_found(netlist, library, design, name):
    given, expected = design
    changed = expected[name].copy()
    changed[CYCLES // 2] ^= 4
    run, _ = simulated(netlist, library, (given, {**expected, name: changed}))
    assert run.wrong.tolist() == [1]


def test_changes_are_counted_by_segment(netlist, library, design):
    segment = (np.arange(CYCLES) >= 200).astype(int)
    run, nets = simulated(netlist, library, design, segment)
    for name in ("masked", "there"):
        bits = bits_of(design[1][name], 4)
        changed = np.vstack([bits[:1], bits[1:] ^ bits[:-1]])
        for index, net in enumerate(nets[name]):
            found = [int(changed[segment == part, index].sum()) for part in (0, 1)]
            assert run.changes[:, net].tolist() == found
    # A register changes at the end of the cycle before the one in which its new value stands.
    count = bits_of(design[1]["count"], 4)
    changed = count[1:] ^ count[:-1]
    for index in range(4):
        assert run.toggles(1)[f"count[{index}]"] - int(changed[200:, index].sum()) in (0, 1)
        assert run.toggles(0)[f"count[{index}]"] == int(changed[:200, index].sum())


def test_a_loop_of_gates_is_refused(library):
    text = """module top(a);
  output a;
  wire a;
  wire b;
  INV _1_ (
    .A(a),
    .Y(b)
  );
  INV _2_ (
    .A(b),
    .Y(a)
  );
endmodule
"""
    with pytest.raises(ConfigError, match="loop of gates"):
        CellSimulator(bit_netlist(text), library, [], [])


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("!(A B)", lambda a, b: not (a and b)),
        ("(A * !B) + (!A * B)", lambda a, b: a != b),
        ("A' | B", lambda a, b: not a or b),
        ("!A & !B", lambda a, b: not a and not b),
    ],
)
def test_functions_are_read_in_all_forms(function, value, tmp_path):
    file = tmp_path / "forms.lib"
    text = SmallLibrary().text()
    assert text.count('"!(A B)"') == 1
    file.write_text(text.replace('"!(A B)"', f'"{function}"'))
    netlist = """module top(a, y);
  input [1:0] a;
  wire [1:0] a;
  output y;
  wire y;
  NAND _1_ (
    .A(a[0]),
    .B(a[1]),
    .Y(y)
  );
endmodule
"""
    bits = bit_netlist(netlist)
    simulator = CellSimulator(bits, read_library([file]), bits.inputs["a"], bits.outputs["y"])
    states = bits_of(np.arange(4), 2)
    expected = np.array([[value(a, b)] for a, b in states.tolist()], np.uint8)
    assert simulator.run(states, expected, np.zeros(4, int)).wrong.tolist() == [0]
    assert simulator.run(states, 1 - expected, np.zeros(4, int)).wrong.tolist() == [4]
