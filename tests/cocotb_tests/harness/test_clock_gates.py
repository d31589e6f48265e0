"""Clock gates change no register in any cycle, and stop the clock of a module in which nothing changes."""

import re

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.harness.cb_clock_gates import BENCH
from tilewright.cocotb_tests.harness.clock_gates import gated
from tilewright.cocotb_tests.harness.job import Job
from tilewright.hw.verilog import convert

TOP = """
module lockstep(input clk, input rst, input hold, input [7:0] i, output reg differs, output reg faulty_differs,
                output reg [31:0] edges);
  wire [39:0] plain_o, gated_o, faulty_o;
  sample plain(.clk(clk), .rst(rst), .hold(hold), .i(i), .o(plain_o));
  sample_gated gated(.clk(clk), .rst(rst), .hold(hold), .i(i), .o(gated_o));
  sample_faulty faulty(.clk(clk), .rst(rst), .hold(hold), .i(i), .o(faulty_o));
  initial {differs, faulty_differs, edges} = 0;
  always @(posedge clk) begin
    differs <= differs | (plain_o != gated_o);
    faulty_differs <= faulty_differs | (plain_o != faulty_o);
  end
  always @(posedge gated.gated_clk) edges <= edges + 1;
endmodule
"""


class Sample(wiring.Component):
    """A pipeline, a counter that waits, a register that extends a sign, and a memory with a port in each direction."""

    i: In(8)
    hold: In(1)
    o: Out(40)

    def elaborate(self, platform):
        m = Module()
        first, second, count = Signal(8), Signal(8, reset_less=True), Signal(8)
        extended = Signal(signed(16))
        m.submodules.memory = memory = Memory(shape=8, depth=4, init=[7])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.i[2] & ~self.hold),
            write.addr.eq(self.i[3:5]),
            write.data.eq(second),
            read.addr.eq(first),
            self.o.eq(count + (extended << 8) + (read.data << 24) + (second << 32)),
        ]
        m.d.sync += [first.eq(self.i), second.eq(first), extended.eq(second[4:].as_signed())]
        with m.If(~self.hold & self.i[0]):
            m.d.sync += count.eq(count + 1)
        return m


def renamed(verilog: str, name: str) -> str:
    return re.sub(r"\bsample\b", name, verilog)


@pytest.mark.cosim
def test_gated_registers_have_the_same_contents_and_stop():
    plain = convert(Sample(), "sample")
    gates = renamed(gated(plain, r"sample.*"), "sample_gated")
    # The gate ignores the counter.
    wrong = gates.replace("sample_gated", "sample_faulty")
    faulty, count = re.subn(r"\(count != [^)]*\)", "1'b0", wrong)
    assert count == 1
    model = runner.build(plain + gates + faulty + TOP, "lockstep")
    [row] = runner.run_job(model, "lockstep", BENCH, Job())
    assert not row["differs"]
    assert row["faulty_differs"], "a gate that ignores a register is seen"
    assert row["edges"] > 200
    assert row["idle_edges"] == 0


def test_only_registers_of_modules_of_the_name_are_changed():
    plain = convert(Sample(), "sample")
    without = "module empty(clk);\nendmodule\n"
    assert gated(plain + without, "sample|empty").endswith(without)
    module = "module sample(clk);\n  always @(posedge clk)\n    a <= b;\n{}endmodule\n"
    assert gated(module.format(""), "sample").count("posedge gated_clk") == 1
    memory = "  always @(posedge clk) begin\n    if (w)\n      words[a] <= b;\n  end\n"
    assert gated(module.format(memory), "sample").count("posedge gated_clk") == 1


def test_a_text_without_a_register_to_gate_is_refused():
    plain = convert(Sample(), "sample")
    with pytest.raises(ValueError, match=r"no module whose name matches samples\?x has registers"):
        gated(plain, "samples?x")
    for right in ("$signed(a)", "a + b", "a ? b : c"):
        module = f"module sample(clk);\n  always @(posedge clk)\n    r <= {right};\nendmodule\n"
        with pytest.raises(ValueError, match="no register of module sample has a form that can be gated"):
            gated(module, "sample")
