"""Power of a mapped netlist by OpenSTA, at a stated clock and activity.

The activity of the data inputs is propagated through the gates as probabilities, with reset at rest: no glitches, no
correlation, no wires, no clock tree. A figure to compare designs by, not what a chip draws.

The netlist has buffers and is sized for the clock, which that of ``area`` is not: slow edges of nets with many loads
would be most of the power otherwise.
"""

import re
from pathlib import Path

from tilewright.base.tool_runs import failure, run_tool
from tilewright.base.tools import Tool

CLOCK_MHZ = 100
ACTIVITY = 0.1
"""Number of transitions of each data input in a clock cycle."""

MAP = f"dfflibmap -liberty cells.lib; abc -liberty cells.lib -constr sizing.constr -D {1_000_000 // CLOCK_MHZ}"
"""Yosys script; a file of constraints, even an empty one, makes ABC add buffers and size the gates."""
WRITE = "write_verilog -noattr -simple-lhs netlist.v"
"""Yosys script; OpenSTA reads no concatenation on the left of an assignment."""
SCRIPT = f"""\
read_liberty cells.lib
read_verilog netlist.v
link_design {{top}}
create_clock -name clock -period {1000 / CLOCK_MHZ:g} {{clock_port}}
foreach port [all_inputs] {{{{
  if {{{{[get_property $port full_name] != "clk"}}}} {{{{ set_input_delay 0 -clock clock $port }}}}
}}}}
set_power_activity -input -activity {ACTIVITY} -duty 0.5
{{reset_activity}}
report_power -digits 6
"""
CLOCK_PORT = "[get_ports clk]"
RESET_ACTIVITY = "set_power_activity -input_ports rst -activity 0 -duty 0"
FLOW = SCRIPT + CLOCK_PORT + RESET_ACTIVITY
"""Script that OpenSTA executes."""


def run_power(sta: Tool, top: str, folder: Path) -> float:
    """Return the total power in µW of ``netlist.v`` with ``cells.lib``; its clock, if any, is the port ``clk``,
    and its reset ``rst``.

    Raises
    ------
    ToolError
        If OpenSTA fails.
    """
    netlist = folder / "netlist.v"
    # OpenSTA's reader of Verilog knows no signed nets.
    text = re.sub(r"^(\s*(?:input|output|inout|wire)) signed\b", r"\1", netlist.read_text(), flags=re.MULTILINE)
    netlist.write_text(text)
    inputs = re.findall(r"^\s*input (\w+);", text, flags=re.MULTILINE)
    script = SCRIPT.format(
        top=top,
        # Without a clock port it is a virtual clock: the unit of time of the activities. Input delays make the clock
        # known to gates that no register drives.
        clock_port=CLOCK_PORT if "clk" in inputs else "",
        reset_activity=RESET_ACTIVITY if "rst" in inputs else "",
    )
    (folder / "power.tcl").write_text(script)
    said = run_tool(sta, ["-no_splash", "-exit", "power.tcl"], folder)
    total = re.search(r"^Total(?:\s+\S+){2}\s+\S+\s+(\d\S*)", said, flags=re.MULTILINE)
    if "Error:" in said or not total:
        raise failure(sta, said)
    return round(float(total.group(1)) * 1e6, 6)
