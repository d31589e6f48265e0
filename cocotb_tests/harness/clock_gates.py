"""Clock gates in modules that are simulated: the simulator spends no time on registers that keep their contents.

A simulator that evaluates whole cycles computes all logic after each edge of the clock, whether anything has changed or
not. Here a module's registers get a clock edge only if one of them has a next value other than its content, so that
every register has the same content in every cycle as without the gate. Memories keep the clock itself.
"""

import re

OPERATORS = r"()+\-*/%&|^~!<>=?"
ASSIGNMENT = rf"    (\S+ ?) <= ([^\n;{OPERATORS}]+?) ?;\n"
REGISTERS = re.compile(rf"(?m)^  always @\(posedge clk\)(?:\n{ASSIGNMENT}| begin\n(?:{ASSIGNMENT})+  end\n)")
"""Registers as the generated Verilog writes them: signals, parts of signals and constants that are together as wide as
the register."""
GATE = """
  wire gate_needed = {changes};
  reg gate_open;
  wire gated_clk = clk & gate_open;
  // A latch: the edge comes if it is needed when the low phase ends, whatever changes after the edge.
  always @* if (!clk) gate_open = gate_needed;
"""


def gated(verilog: str, modules: str) -> str:
    """Return the text with a clock gate in each module whose name matches a regular expression.

    Registers of submodules are not behind the gate of a module. A module without registers stays as it is.
    """
    parts = re.split(r"(?m)^(?=module )", verilog)
    return "".join(_gated(part) if re.match(rf"module \\?(?:{modules}) ?\(", part) else part for part in parts)


def _gated(module: str) -> str:
    registers = "".join(block[0] for block in REGISTERS.finditer(module))
    changes = [f"({name} != {value} )" for name, value in re.findall(ASSIGNMENT, registers)]
    if not changes:
        return module
    module = REGISTERS.sub(lambda block: block[0].replace("posedge clk", "posedge gated_clk", 1), module)
    body, end, after = module.rpartition("endmodule")
    return body + GATE.format(changes="\n    | ".join(changes)) + end + after
