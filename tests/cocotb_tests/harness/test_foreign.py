"""Circuits of a user's: which module is the circuit, its ports, and what is refused."""

import pytest

from tilewright.api.cosim import suites
from tilewright.api.generate import generate
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.harness.foreign import read_foreign
from tilewright.cocotb_tests.harness.run_options import RunOptions
from tilewright.cocotb_tests.harness.structure import Port, modules_of

[SUITE] = suites("arith", "Multiplier posit8_0")
BENCH = SUITE.harness(RunOptions(case="0 stages"))
PORTS = modules_of(BENCH.verilog())[BENCH.subject].ports
MULTIPLIER = generate("posit-multiplier").verilog

STORAGE = "module simulation_storage; endmodule\n"
TYPES = """
package widths; typedef struct packed {{ logic [7:0] a, b; }} pair; endpackage
`define CODE [{high}:0]
module inner #(parameter W = 1) (input `CODE i, output logic [W-1:0] o); assign o = W'(i); endmodule
module any_name (
  input widths::pair i__payload, input i__valid, o__ready,
  output logic `CODE o__payload, output wire o__valid, output i__ready
);
  inner #(.W(8)) part (.i(i__payload.a), .o(o__payload));
  assign o__valid = i__valid, i__ready = o__ready;
endmodule
"""


def read(tmp_path, *texts):
    files = [tmp_path / f"{number}.v" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return read_foreign(files, SUITE.usual_name)


def test_ports_of_the_generated_circuit_are_expected():
    described = generate("posit-multiplier").ports["ports"]
    assert {port["name"]: Port(port["direction"], port["width"]) for port in described} == PORTS


def test_the_generated_circuit_fits(tmp_path):
    foreign = read(tmp_path, MULTIPLIER)
    assert (foreign.module, foreign.ports) == ("posit_multiplier", PORTS)
    foreign.check(PORTS)
    text = foreign.put_in(BENCH.verilog(), BENCH.subject)
    assert BENCH.subject not in modules_of(text)
    assert "posit_multiplier" in modules_of(text)["arith_harness__channel0"].instances.values()


def test_systemverilog_with_parameters_types_and_macros_fits(tmp_path):
    foreign = read(tmp_path, TYPES.format(high=7))
    assert foreign.module == "any_name"
    foreign.check(PORTS)
    with pytest.raises(ConfigError, match=r"port o__payload is an output of 9 bits: it must be an output of 8 bits$"):
        read(tmp_path, TYPES.format(high=8)).check(PORTS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[15:0] i__payload", "[14:0] i__payload"), "i__payload is an input of 15 bits: it must be an input of 16"),
        (("i__valid", "i__valids"), "i__valid is missing: it must be an input of 1 bit, and 1 other ports differ"),
        (("(i__valid", "(more, i__valid"), "more is an input of 1 bit: the generated circuit has no such port"),
        (("output o__valid", "input o__valid"), "o__valid is an input of 1 bit: it must be an output of 1 bit"),
    ],
)  # fmt: skip
def test_other_ports_are_refused_in_one_line(tmp_path, change, says):
    old, new = change
    header, line, body = MULTIPLIER.partition(");\n")
    text = f"{header.replace(old, new)}{line}{body.replace(old, new)}"
    if "more" in new:
        text = text.replace(line, f"{line}  input more;\n", 1)
    if new == "input o__valid":
        text = "".join(each for each in text.splitlines(True) if "assign o__valid" not in each)
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text).check(PORTS)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"verilog: module posit_multiplier of {tmp_path / '0.v'}: port ")


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["// nothing\n"], "there is no module"),
        (["module a;\nwire b\nendmodule\n"], "0.v:3: syntax error"),
        (["module a; endmodule\n", "module a; endmodule\n"], "module a is there twice"),
        (["module a; endmodule\nmodule b; endmodule\n"], "modules a, b are not instantiated: only one may be"),
        (["module a; CELL c(); endmodule\n"], "0.v:1: Cannot find file containing module: 'CELL'"),
        (['`include "nothing.vh"\nmodule a; endmodule\n'], "0.v:1: Cannot find include file: 'nothing.vh'"),
    ],
)  # fmt: skip
def test_texts_without_one_circuit_are_refused(tmp_path, texts, says):
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, *texts)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_names_of_the_bench_are_refused(tmp_path):
    foreign = read(tmp_path, MULTIPLIER.replace("endmodule", "simulation_storage s();\nendmodule") + STORAGE)
    with pytest.raises(ConfigError, match=r"module simulation_storage of .* has the name of a part of the bench"):
        foreign.put_in(BENCH.verilog(), BENCH.subject)


def test_several_units_are_refused():
    with pytest.raises(ConfigError, match="a case must be chosen, one of: 0 stages, 3 stages"):
        SUITE.harness(RunOptions())
