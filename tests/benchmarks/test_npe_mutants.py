"""Mutants: each has one change, at a net that is used, and a proof of equality is neither missed nor given in vain."""

import random

import pytest

from benchmarks.npe_mutants import mutants, proved_equal, sites

VERILOG = """\
module top(a, b, o, clk);
  input [1:0] a;
  input [1:0] b;
  output [1:0] o;
  input clk;
  wire _0_;
  wire _1_;
  wire [1:0] s;
  reg [1:0] o = 2'h0;
  assign _0_ = a[0] & b[0];
  assign _1_ = a[1] | b[1];
  assign s = _1_ ? a + b : 2'h2;
  part part (
    .a(a),
    .b(b),
    .s(s)
  );
  always @(posedge clk)
    o <= s;
endmodule

module part(a, b, s);
  input [1:0] a;
  input [1:0] b;
  input [1:0] s;
  wire [1:0] t;
  assign t = a == b ? s : 2'h0;
endmodule
"""


def test_places_are_all_that_can_be_changed_in_nets_that_are_used():
    lines = VERILOG.split("\n")
    found = [(lines[number].strip().split()[1], match[0].strip()) for number, match in sites(VERILOG)]
    assert found == [
        ("_1_", "|"), ("s", "? a + b : 2'h2;"), ("t", "=="), ("t", "? s : 2'h0;"),
    ]  # fmt: skip


def test_a_mutant_has_one_change_and_a_seed_repeats_it():
    every = mutants(VERILOG, 4, seed=3)
    assert every == mutants(VERILOG, 4, seed=3)
    assert [mutant.module for mutant in every].count("part") == 2
    for mutant in every:
        differ = [pair for pair in zip(VERILOG.split("\n"), mutant.text.split("\n"), strict=True) if len({*pair}) > 1]
        assert differ == [(mutant.before, mutant.after)]
    assert len({mutant.text for mutant in every}) == 4


@pytest.mark.slow
def test_equal_circuits_are_proved_and_others_are_not():
    rng = random.Random(1)
    by_line = {mutant.before.strip().split()[1]: mutant for mutant in mutants(VERILOG, 4, rng.randrange(100))}
    assert proved_equal(VERILOG, by_line["_1_"]) == ""
    # Nothing comes of t.
    assert proved_equal(VERILOG, by_line["t"]) == "part"
    # That a + b is 2 makes the choice of another one equal, for the module that knows it.
    known = VERILOG.replace("input [1:0] b;\n  output", "wire [1:0] b = 2'h2 - a;\n  output").replace(
        "top(a, b, o", "top(a, o"
    )
    [choice] = [mutant for mutant in mutants(known, 4, 1) if "?" in mutant.after and mutant.module == "top"]
    assert proved_equal(known, choice) == "top"
