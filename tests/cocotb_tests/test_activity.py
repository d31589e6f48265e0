"""Toggle counts: what is a register, what a net, and what a simulation wrote."""

import pytest

from tilewright.cocotb_tests.activity import Toggles, counts, kinds, toggles

VERILOG = r"""
module \top.unit (clk, a, b, o);
  reg \$auto$verilog_backend.cc:2355:dump_module$1  = 0;
  wire \$1 ;
  reg [1:0] \$2 ;
  wire [1:0] alias;
  input clk;
  wire clk;
  reg [1:0] count = 2'h0;
  output [1:0] o;
  wire [1:0] part;
  assign \$1  = a ^ b;
  assign alias = { count[0], \$1  };
  assign part[0] = ~alias[1];
  assign part[1] = 1'h0;
  assign o = count;
  always @(posedge clk)
    count <= \$2 ;
  always @* begin
    if (\$auto$verilog_backend.cc:2355:dump_module$1 ) begin end
    \$2  = count;
    if (\$1 ) begin
      \$2  = alias;
    end
  end
  \top.unit.inner  inner (
    .clk(clk)
  );
endmodule

module \top.unit.inner (clk);
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
    ($1 (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 7))
    ($2\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 20))
    ($2\[1\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 10))
    (alias\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 9000))
    (count\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 200))
    (count\[1\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 100))
    (o\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 9000))
    (part\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 3))
   )
   (INSTANCE inner
    (NET
     (word (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 1))
    )
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


def test_registers_and_nets():
    modules = kinds(VERILOG)
    assert set(modules) == {"top.unit", "top.unit.inner"}
    assert modules["top.unit"].registers == {"count"}
    # Not: aliases, ports, constants; what is computed by an expression or a block.
    assert modules["top.unit"].nets == {"$1", "$2", "part"}
    assert modules["top.unit.inner"].registers == {"word"}


def test_counts_of_instances():
    every = counts(SAIF)
    assert list(every) == ["$rootio", "top", "top.unit", "top.unit.inner", "top.unit2"]
    assert every["top.unit"] == {"$1": 7, "$2": 30, "alias": 9000, "count": 300, "o": 9000, "part": 3}
    assert every["top.unit2"] == {"word": 5}


def test_toggles_of_an_instance_and_what_is_in_it():
    whole, inner = toggles(SAIF, VERILOG, ["top.unit", "top.unit.inner"])
    assert whole == Toggles(registers=301, nets=40)
    assert inner == Toggles(registers=1, nets=0)
    with pytest.raises(ValueError, match=r"no instance top\.other"):
        toggles(SAIF, VERILOG, ["top.other"])
