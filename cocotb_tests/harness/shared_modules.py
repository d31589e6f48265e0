"""Modules with many instances: the simulator translates each once, and its instances run the same machine code.

That takes a fraction of the time to build, and less to run: copies of large modules do not fit in a processor's cache.
"""

import re
from collections.abc import Sequence

from tilewright.cocotb_tests.harness.constant_tables import with_constant_tables

MARK = "/* verilator no_inline_module */"
"""Mark of a module whose instances are not merged with what is around them."""
VISIBLE = "/* verilator public_flat_rd */"
"""Mark of a port that stays a variable: expressions around an instance do not move into it."""
SAME_NAMES = "-fno-dfg-scoped"
"""Option of Verilator that leaves out an optimisation which names variables of each instance differently."""
PORT = re.compile(r"(?m)^(  (?:input|output) (?:\[[^\]]*\] )?)(\S+) ?;")
CLOCKED = ("clk", "rst")
"""Ports that are the same signal in all instances."""


def compiled_once(verilog: str, modules: Sequence[str]) -> str:
    """Return the text in a form that lets the instances of each module share their machine code.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    verilog = with_constant_tables(verilog)
    for module in modules:
        verilog, count = re.subn(
            rf"(?ms)^module {re.escape(module)} ?\([^;]*?\);.*?^endmodule", _shared, verilog, count=1
        )
        if not count:
            raise ValueError(f"there is no module {module}")
    return verilog


def _shared(module: re.Match) -> str:
    head, body = module[0].split(";", 1)
    return f"{head}; {MARK}{PORT.sub(_visible, body)}"


def _visible(port: re.Match) -> str:
    return port[0] if port[2] in CLOCKED else f"{port[1]}{port[2]} {VISIBLE};"
