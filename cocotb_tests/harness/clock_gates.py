"""Clock gates in modules that are simulated: the simulator spends no time on registers that keep their contents.

A simulator that evaluates whole cycles computes all logic after each edge of the clock, whether anything has changed or
not. Here a module's registers get a clock edge only if one of them has a next value other than its content, so that
every register has the same content in every cycle as without the gate. Memories keep the clock itself.
"""

import re

from tilewright.cocotb_tests.harness.structure import parts_of

OPERATORS = r"()+\-*/%&|^~!<>=?"
ASSIGNMENT = rf"    (\S+ ?) <= ([^\n;{OPERATORS}]+?) ?;\n"
REGISTERS = re.compile(rf"(?m)^  always @\(posedge clk\)(?:\n{ASSIGNMENT}| begin\n(?:{ASSIGNMENT})+  end\n)")
"""Registers as the generated Verilog writes them: signals, parts of signals and constants that are together as wide as
the register."""
CLOCKED = re.compile(r"(?m)^  always @\(posedge clk\)(?: begin)?\n +(?!if )\w+ <= ")
"""Start of a register; that of a memory's write port has a condition."""
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

    Raises
    ------
    ValueError
        If no module with registers has such a name, or one of them has no register of a form that is understood: the
        text of registers has changed, and a simulation without gates would be slow without a word.
    """
    parts = parts_of(verilog)
    named = [index for index, part in enumerate(parts) if re.match(rf"module (?:{modules}) ?\(", part)]
    clocked = [index for index in named if CLOCKED.search(parts[index])]
    if not clocked:
        raise ValueError(f"no module whose name matches {modules} has registers")
    for index in clocked:
        parts[index] = _gated(parts[index])
    return "".join(parts)


def _gated(module: str) -> str:
    registers = "".join(block[0] for block in REGISTERS.finditer(module))
    changes = [f"({name} != {value} )" for name, value in re.findall(ASSIGNMENT, registers)]
    if not changes:
        name = re.match(r"module (\w+)", module)
        raise ValueError(f"no register of module {name and name[1]} has a form that can be gated")
    module = REGISTERS.sub(lambda block: block[0].replace("posedge clk", "posedge gated_clk", 1), module)
    body, end, after = module.rpartition("endmodule")
    return body + GATE.format(changes="\n    | ".join(changes)) + end + after
