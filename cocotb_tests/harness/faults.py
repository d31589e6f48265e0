"""Planting faults in generated Verilog, to see that benches see them."""

import re


def plant(verilog: str, module: str, pattern: str, replacement: str) -> str:
    """Return the text with every match of ``pattern`` in one module replaced.

    Raises
    ------
    ValueError
        If nothing in the module matches: the text has changed and the fault must be planted anew.
    """
    parts = re.split(r"(?m)^(?=module )", verilog)
    [index] = [i for i, part in enumerate(parts) if re.match(rf"module \\?{re.escape(module)} ?\(", part)]
    parts[index], count = re.subn(pattern, replacement, parts[index])
    if not count:
        raise ValueError(f"nothing in module {module} matches {pattern}")
    return "".join(parts)
