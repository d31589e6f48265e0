"""Toggle counts: what is a register, what the output of a gate, and what a simulation wrote."""

import pytest

from tilewright.cocotb_tests.harness.activity import Toggles, counts, netlists, toggles, with_gates

VERILOG = r"""
module top__unit (clk, a, b, o);
  wire _0_;
  wire _1_;
  wire _2_;
  input a;
  wire a;
  input clk;
  wire clk;
  reg [1:0] count = 2'h0;
  reg \flag$1  = 1'h0;
  output [1:0] o;
  wire [1:0] alias;
  assign _0_ = a ^ b;
  assign _1_ = ~(count[0] & _0_);
  assign \net$2 [1] = \flag$1  ? a : _1_;
  assign \net$2 [0] = count[0];
  assign alias = { count[0], _0_ };
  assign o = count;
  always @(posedge clk)
    if (a) count[0] <= _0_;
  always @(posedge clk)
    if (!a)
      if (b) count[1] <= 1'h0;
      else count[1] <= _1_;
  always @(posedge clk)
    \flag$1  <= _1_;
endmodule

module top__unit2 (clk);
  reg word = 1'h0;
  always @(posedge clk)
    if (clk) word <= 1'h1;
endmodule
"""

SAIF = r"""(SAIFILE
(SAIFVERSION "2.0")
 (INSTANCE $rootio
  (NET
   (clk (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 1000))
  )
 )
 (INSTANCE top
  (NET
   (clk (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 1000))
  )
  (INSTANCE unit
   (NET
    (_0_ (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 7))
    (_1_ (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 20))
    (alias\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 9000))
    (count\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 200))
    (count\[1\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 100))
    (flag$1 (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 30))
    (net$2\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 9000))
    (net$2\[1\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 3))
    (o\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 9000))
   )
  )
  (INSTANCE unit2
   (NET
    (word (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 5))
   )
  )
 )
)
"""


def test_registers_and_gates():
    modules = netlists(VERILOG)
    assert set(modules) == {"top__unit", "top__unit2"}
    # Not: other names of a net.
    assert modules["top__unit"].registers == {"count[0]", "count[1]", "flag$1"}
    assert modules["top__unit"].gates == {"_0_", "_1_", "net$2[1]"}
    assert modules["top__unit2"].registers == {"word"}


def test_counts_of_instances():
    every = counts(SAIF)
    assert list(every) == ["$rootio", "top", "top.unit", "top.unit2"]
    assert every["top.unit"]["count[1]"] == 100
    assert every["top.unit"]["net$2[1]"] == 3
    assert every["top.unit2"] == {"word": 5}


def test_toggles_of_an_instance():
    assert toggles(SAIF, VERILOG, ["top.unit", "top.unit2"]) == [Toggles(330, 30), Toggles(5, 0)]
    with pytest.raises(ValueError, match=r"no instance top\.other"):
        toggles(SAIF, VERILOG, ["top.other"])


RTL = r"""
module top(input clk, input a, input b, output o);
  unit unit (.clk(clk), .a(a), .b(b), .o(o));
endmodule

module unit(clk, a, b, o);
  input clk, a, b;
  output o;
  reg [1:0] sum = 0;
  // Twice the same: one gate.
  wire once = a & b;
  wire again = a & b;
  always @(posedge clk) sum <= {sum[0] ^ once, again};
  assign o = sum[1];
endmodule
"""


def test_a_module_becomes_gates():
    made = with_gates(RTL, ["unit"])
    assert made.startswith(RTL[: RTL.index("module unit")])
    bits = netlists(made)["unit"]
    # Both bits of the sum; the product, and the exclusive or.
    assert len(bits.registers) == 2
    assert len(bits.gates) == 2
