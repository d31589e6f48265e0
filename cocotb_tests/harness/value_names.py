"""Names of states and of other enumerations as signals of the simulation, in which any reader of waves sees them.

A wave file in the form VCD holds numbers and bits alone. As hand-written RTL often does, each signal whose values have
names gets a companion that holds the name of its value as text, in ASCII, with spaces behind it.
"""

import re
from collections.abc import Mapping

from tilewright.cocotb_tests.harness.structure import MODULE, ModuleText, modules_of, parts_of

SUFFIX = "_text"
"""End of the name of a companion."""
UNKNOWN = "?"
"""Text of a value that has no name."""


def text_names(module: ModuleText) -> dict[str, str]:
    """Return the name of the companion of each signal whose values have names."""
    taken = set(module.widths)
    names = {}
    for signal in module.values:
        name = signal + SUFFIX
        while name in taken:
            name += "_"
        taken.add(name)
        names[signal] = name
    return names


def text_bits(values: Mapping[int, str]) -> int:
    """Return the width of the companion of a signal with these names of values."""
    return 8 * max(map(len, (*values.values(), UNKNOWN)))


def with_texts(verilog: str) -> str:
    """Return Verilog in which each signal whose values have names has a companion with the name as text."""
    modules = modules_of(verilog)
    parts = []
    for part in parts_of(verilog):
        match = MODULE.match(part)
        module = modules[match[1]] if match else None
        if module and module.values:
            body, end, after = part.rpartition("endmodule")
            names = text_names(module)
            lines = [_companion(names[signal], signal, module) for signal in module.values]
            part = body + "".join(lines) + end + after
        parts.append(part)
    return "".join(parts)


def _companion(name: str, signal: str, module: ModuleText) -> str:
    values: Mapping[int, str] = module.values[signal]
    length = text_bits(values) // 8
    width = module.widths[signal]
    choices = "".join(
        f'    {signal} == {width}\'d{value} ? "{_plain(text):<{length}}" :\n' for value, text in values.items()
    )
    return f'  wire [{8 * length - 1}:0] {name} =\n{choices}    "{UNKNOWN:<{length}}";\n'


def _plain(text: str) -> str:
    return re.sub(r'[^ -~]|["\\]', "_", text)
