"""Instances of a marked module run the same machine code."""

import pytest

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.harness.shared_modules import compiled_once

STAGES = 300
"""Number of registers of a module, each with logic of its own."""


def module() -> str:
    """Return a module that is long when it is translated."""
    stages = "".join(
        f"  reg [31:0] s{n};\n  always @(posedge clk)\n    s{n} <= (s{n - 1} ^ {n}) * (s{n - 1} >> {n % 7}) + {'i' if n % 3 else f's{n - 1}'};\n"
        for n in range(1, STAGES)
    )
    return (
        "module stages(i, clk, rst, o);\n  input [31:0] i;\n  input clk;\n  input rst;\n  output [31:0] o;\n"
        f"  reg [31:0] s0;\n  always @(posedge clk)\n    s0 <= rst ? 32'd0 : i;\n{stages}  assign o = s{STAGES - 1};\nendmodule\n"
    )


def chain(instances: int) -> str:
    """Return a top module with instances whose inputs come from logic between them."""
    parts = "".join(
        f"  wire [31:0] o{n};\n  stages part{n}(.i(o{n - 1} + 32'd{n}), .clk(clk), .rst(rst), .o(o{n}));\n"
        for n in range(1, instances + 1)
    )
    return (
        "module chain(input clk, input rst, input [31:0] i, output [31:0] o);\n"
        f"  wire [31:0] o0 = i;\n{parts}  assign o = o{instances};\nendmodule\n"
    )


@pytest.mark.cosim
def test_more_instances_hardly_take_more_machine_code():
    def size(instances: int) -> int:
        verilog = compiled_once(module(), ["stages"]) + chain(instances)
        return (runner.build(verilog, "chain") / "chain").stat().st_size

    one, many = size(1), size(12)
    alone = (runner.build(module() + chain(12), "chain") / "chain").stat().st_size
    assert alone - one > 200_000, "the module is large enough to matter"
    assert many - one < (alone - one) / 4


def test_a_missing_module_is_an_error():
    with pytest.raises(ValueError, match="there is no module stage"):
        compiled_once(module(), ["stage"])
