"""Tables and other choices among many cases, in Verilog: each one is a function that a continuous assignment calls.

Yosys writes a choice as multiplexers, which hide its cases, or as an ``always @*``, which SystemVerilog never runs if
its inputs keep their initial values. A function keeps the cases of the gateware, and each flow evaluates it.
"""

import re
from textwrap import indent

from tilewright.hw.names import free_name

KEPT = "tilewright_cases"
"""Attribute of the processes that become functions."""
_PROCESS = re.compile(r"(?ms)^  process \S+\n(.*?)^  end$")
_CASE = re.compile(r"(?m)^ +case (\S.*)$")
_ASSIGNED = re.compile(r"(?m)^ +assign (\S+ \[[\d:]+\]) ")
# A chain of conditions, of which the first that holds counts: multiplexers are its shortest form.
_CONDITION = re.compile(r"\d+'-*1-*")

_BLOCK = re.compile(r"(?ms)^  always @\* begin\n    if \(\S+ ?\) begin end\n(.*?)^  end\n")
# The signal in this condition makes simulators of Verilog run the block once.
_FLAG = re.compile(r"(?m)^  reg \\\$auto\$verilog_backend\S+ += 0;\n")
_EMPTY = "/* empty */;"
_CONSTANT = r"\d+'s?[bdoh][0-9a-fxz?_]+"
_NAME = re.compile(rf"{_CONSTANT}|\b[A-Za-z_]\w*")
_STATEMENT = frozenset({"begin", "case", "casez", "default", "else", "end", "endcase", "if"})
_TARGET = re.compile(r"(?m)^(?: *|.*: +)(\w+)(?: ?\[[\d:]+\])? = ")
_DECLARED = re.compile(r"(?m)^  (input |output |inout |)(wire|reg)( \[\d+:0\]|) (\w+)(?: = [^;\n]*)?;\n")


def with_kept_cases(rtlil: str) -> str:
    """Return RTLIL in which each process that chooses among cases has the attribute :data:`KEPT`."""
    return _PROCESS.sub(lambda process: _marked(process[0]), rtlil)


def _marked(process: str) -> str:
    is_chain = all(_CONDITION.fullmatch(case) for case in _CASE.findall(process))
    # A function gives all bits at once: a part that depends on another part would be a loop.
    is_whole = len(set(_ASSIGNED.findall(process))) == 1
    return f"  attribute \\{KEPT} 1\n{process}" if is_whole and not is_chain else process


def combinational(module: str) -> set[str]:
    """Return the signals that each ``always @*`` of a Verilog module drives."""
    return {target for block in _BLOCK.finditer(module) for target in _TARGET.findall(block[1])}


def with_functions(module: str) -> str:
    """Return a Verilog module, as Yosys writes it, with a function instead of each ``always @*``.

    Arguments of functions have the names of signals and an underscore, because a name may hide no other one.

    Raises
    ------
    ValueError
        If an ``always @*`` does not begin with a default value of the only signal that it drives.
    """
    declared = {name: width for _, _, width, name in _DECLARED.findall(module)}
    taken = set(_NAME.findall(module))
    driven = set()

    def new(name: str) -> str:
        free = free_name(name, taken)
        taken.add(free)
        return free

    def function(block: re.Match[str]) -> str:
        body = block[1].replace(_EMPTY, ";")
        target, *others = dict.fromkeys(_TARGET.findall(body)) or [""]
        if others or not target or not re.match(rf" *{target} = ", body):
            raise ValueError(f"always @* must drive one signal in every case:\n{block[0]}")
        driven.add(target)
        read = [name for name in dict.fromkeys(_NAME.findall(body)) if name in declared and name != target]
        names = {name: new(f"{name}_") for name in read} | {target: new(f"value_of_{target}")}
        inputs = "".join(f"    input{declared[name]} {names[name]};\n" for name in read)
        body = _NAME.sub(lambda name: names.get(name[0], name[0]), body)
        indented = indent(_with_defaults(body), "  ")
        taken.difference_update(names[name] for name in read)  # another function may have the same arguments
        return (
            f"  function automatic{declared[target]} {names[target]};\n{inputs}    begin\n{indented}    end\n"
            f"  endfunction\n  assign {target} = {names[target]}({', '.join(read)});\n"
        )

    module = _FLAG.sub("", _BLOCK.sub(function, module))
    if "always @*" in module:
        raise ValueError(f"unknown form of always @*: {module[module.index('always @*') :][:200]}")
    return _DECLARED.sub(
        lambda each: f"  {each[1]}wire{each[3]} {each[4]};\n" if each[4] in driven else each[0], module
    )


def _with_defaults(body: str) -> str:
    """Return statements in which each ``casez`` has a default, because a lint wants one; it changes nothing."""
    lines, has_default = [], []
    for line in body.split("\n"):
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if word == "casez":
            has_default.append(False)
        elif word == "default:":
            has_default[-1] = True
        elif word == "endcase" and not has_default.pop():
            lines.append(line.replace("endcase", "  default: ;"))
        lines.append(line)
    return "\n".join(lines)
