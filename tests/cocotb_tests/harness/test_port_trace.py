"""Values of ports in each cycle, from a wave file."""

import pytest

from tilewright.cocotb_tests.harness.port_trace import read_ports, with_traced_ports

WAVES = """$timescale 1ps $end
 $scope module TOP $end
  $scope module top $end
   $var wire 1 # clk $end
   $scope module part $end
    $var wire 1 # clk $end
    $var wire 3 $ data [2:0] $end
    $var wire 1 % valid $end
   $upscope $end
  $upscope $end
 $upscope $end
$enddefinitions $end

#0
0#
b101 $
0%
#5
1#
b1 $
#10
0#
1%
#15
1#
0%
#20
0#
#25
1#
b111 $
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ports.vcd"
    path.write_text(WAVES)
    return path


def test_values_are_those_before_the_edge(file):
    trace = read_ports(file, "top.part.clk")
    assert trace.cycles == 3
    assert trace.bits("top.part.data").tolist() == [[1, 0, 1], [1, 0, 0], [1, 0, 0]]
    # What comes between two edges counts as well as what comes at an edge.
    assert trace.bits("top.part.valid")[:, 0].tolist() == [0, 1, 0]


def test_a_file_without_the_clock_is_refused(file):
    with pytest.raises(ValueError, match=r"no clock top\.clock"):
        read_ports(file, "top.clock")


MODULE = """module {}(clk, q);
  input clk;
  wire clk;
  output q;
  reg q = 1'h0;
  reg inner;
  {} below (
    .clk(clk)
  );
endmodule
"""


def test_ports_of_the_chosen_modules_and_all_instances_are_traced():
    on, off = "/* verilator tracing_on */", "/* verilator tracing_off */"
    text = with_traced_ports(MODULE.format("one", "two") + MODULE.format("two", "other"), ["two"])
    traced, state = [], True
    for line in text.splitlines():
        state = {on: True, off: False}.get(line, state)
        if state and line != on:
            traced.append(line.strip())
    ports = ["input clk;", "wire clk;", "output q;", "reg q = 1'h0;"]
    assert traced == ["two below (", ".clk(clk)", ");", *ports, "other below (", ".clk(clk)", ");"]
