"""Verilog text as Yosys writes it, made shorter: a signal that has a name needs no automatic one."""

import re

from tilewright.hw.case_functions import combinational, with_functions
from tilewright.hw.function_tables import Tables, with_tables_as_logic

# Signals of no bits, such as the address of a memory of one word, are connected to nothing.
_NO_BITS = re.compile(r"(?m)^  (?:wire|reg) \[-1:0\] \w+( = 0'h0)?;\n")
_INITIAL = re.compile(r"(?m)^  \(\* init = \S+ \*\)\n")
_FUNCTION = re.compile(r"(?ms)^  function (?!automatic).*?^  endfunction$")
_DECLARED = re.compile(r"(?m)^  (wire|reg) (\[\d+:0\] )?(\w+)(?: = [^;\n]*)?;\n")
_ALIAS = re.compile(r"(?m)^  assign (\w+) = ([A-Za-z_]\w*);\n")
_AUTOMATIC = re.compile(r"\b_\d+_\b")


def shortened(verilog: str, tables: Tables) -> str:
    """Return equal Verilog in which automatic names that only stand for another signal are replaced by that signal.

    Each ``always @*`` becomes a function, see :mod:`.case_functions`. Arguments of the
    functions of Yosys, which it calls a, b and s, get names that hide no signal.
    """
    verilog = _INITIAL.sub("", _NO_BITS.sub("", verilog))
    verilog = _FUNCTION.sub(lambda match: re.sub(r"(?<!')\b([abs])\b", r"\1_", match[0]), verilog)
    modules = [with_functions(_with_names(module)) for module in re.split(r"(?m)^(?=module )", verilog)]
    return "".join(with_tables_as_logic(module) if tables == "logic" else module for module in modules)


def _with_names(module: str) -> str:
    """Return a module without automatic names that are as a whole the source or the copy of another signal."""
    widths = {name: width for _, width, name in _DECLARED.findall(module)}
    driven = combinational(module)
    automatic = {
        name
        for kind, _, name in _DECLARED.findall(module)
        if _AUTOMATIC.fullmatch(name) and (kind == "wire" or name in driven)
    }
    aliases = [
        (copy, source)
        for copy, source in _ALIAS.findall(module)
        if copy in widths and source in widths and widths[copy] == widths[source]
    ]
    names = {copy: source for copy, source in aliases if copy in automatic}

    def name_of(signal: str) -> str:
        while signal in names:
            signal = names[signal]
        return signal

    replaced = set(names.items())
    for copy, source in aliases:
        root = name_of(source)
        if copy not in automatic and root in automatic:
            names[root] = copy
            replaced.add((copy, source))
    module = _ALIAS.sub(lambda match: "" if match.groups() in replaced else match[0], module)
    module = _DECLARED.sub(lambda match: "" if match[3] in names else match[0], module)
    return _AUTOMATIC.sub(lambda match: name_of(match[0]), module)
