"""Faults planted in generated Verilog, all in one model: an argument of the simulation says which one is in force."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tilewright.cocotb_tests.runner import FAULT

NUMBER_BITS = 8
"""Width of the number of a fault; 0 stands for no fault."""
READ_NUMBER = f'initial if (!$value$plusargs("{FAULT}=%d", {FAULT})) {FAULT} = 0;'
"""Verilog that reads the number of the fault in force."""


@dataclass(frozen=True, kw_only=True)
class TextFault:
    """A change of the text of one module, and the run that must detect it.

    Parameters
    ----------
    name : str
        What is wrong.
    module : str
        Name of the module.
    pattern, replacement : str
        Regular expression, every match of which is replaced; ``ON`` in the replacement stands for an expression that is
        1 while the fault is in force.
    testcase : str
        The cocotb test that must fail.
    says : str
        Part of the message of that test.
    cases : str
        Name of the cases that the test runs, if it runs any.
    """

    name: str
    module: str
    pattern: str
    replacement: str
    testcase: str = ""
    says: str = ""
    cases: str = ""


def plant(verilog: str, module: str, pattern: str, replacement: str) -> str:
    """Return the text with every match of ``pattern`` in one module replaced.

    Raises
    ------
    ValueError
        If nothing in the module matches: the text has changed and the fault must be planted anew.
    """
    parts = re.split(r"(?m)^(?=module )", verilog)
    [index] = [i for i, part in enumerate(parts) if re.match(rf"module \\?{re.escape(module)} ?[#(]", part)]
    parts[index], count = re.subn(pattern, replacement, parts[index])
    if not count:
        raise ValueError(f"nothing in module {module} matches {pattern}")
    return "".join(parts)


def with_faults(verilog: str, top: str, faults: Sequence[TextFault]) -> str:
    """Return the text with all faults, numbered from 1; the argument ``FAULT`` of the simulation chooses one.

    Raises
    ------
    ValueError
        If nothing matches the pattern of a fault.
    """
    assert len(faults) < 1 << NUMBER_BITS
    for number, fault in enumerate(faults, 1):
        on = f"({top}.{FAULT} == {NUMBER_BITS}'d{number})"
        verilog = plant(verilog, fault.module, fault.pattern, fault.replacement.replace("ON", on))
    chosen = f"  reg [{NUMBER_BITS - 1}:0] {FAULT};\n  {READ_NUMBER}\n"
    verilog, count = re.subn(rf"(?s)^(module {top} ?\(.*?\);\n)", rf"\g<1>{chosen}", verilog, flags=re.M)
    assert count == 1
    return verilog
