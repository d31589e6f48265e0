"""Function tables as constant arrays, which the simulator stores once for all instances of a module.

A function with a case for each word becomes, for each call, a tree of comparisons and variables with a number of their
own, for whose sake Verilator translates each instance of a module anew.
"""

import re

from tilewright.cocotb_tests.harness.structure import parts_of

FUNCTION = re.compile(
    r"(?m)^  function automatic \[(?P<high>\d+):0\] (?P<name>word_of_\w+);\n"
    r"    input \[(?P<last>\d+):0\] (?P<place>\w+);\n"
    r"    begin\n      case \((?P=place)\)\n(?P<words>(?:        \d+'d\d+: (?P=name) = .*;\n)+)        default: .*\n"
    r"      endcase\n    end\n  endfunction\n"
)
"""A table as :mod:`tilewright.hw.function_tables` writes it; words that it does not name are 0."""


def with_constant_tables(verilog: str) -> str:
    """Return the text with a constant array for each function table, and of equal values in every cycle."""
    return "".join(_with_arrays(part) if "word_of_" in part else part for part in parts_of(verilog))


def _with_arrays(module: str) -> str:
    for function in list(FUNCTION.finditer(module)):
        name, high, last = function["name"], function["high"], function["last"]
        words = dict(re.findall(rf"(?m)^ +\d+'d(\d+): {name} = (.*);$", function["words"]))
        zero = f"{int(high) + 1}'h0"
        array = ",\n    ".join(words.get(str(place), zero) for place in range(2 << int(last)))
        module = module.replace(
            function[0], f"  localparam [{high}:0] {name} [0:{(2 << int(last)) - 1}] = '{{\n    {array}\n  }};\n"
        )
        # An index has no more bits than the function's input.
        module = re.sub(
            rf"(?m)^  wire \[{high}:0\] (\w+) = {name}\((.*)\);$",
            rf"  wire [{last}:0] place_of_\1 = \2;\n  wire [{high}:0] \1 = {name}[place_of_\1];",
            module,
        )
    return module
