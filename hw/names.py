"""Names of Verilog: which ones are allowed, and how the names of a design become such names."""

import re
from collections.abc import Container, Iterable, Mapping

KEYWORDS = frozenset(
    """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
    binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
    constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
    else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
    endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
    export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
    highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
    inside instance int integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
    noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
    property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
    randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri
    tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
    vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
    """.split()  # noqa: SIM905 - 248 words are read more easily without quotation marks
)
"""Keywords of SystemVerilog (IEEE 1800-2017, annex B), which those of Verilog are among."""
LONGEST = 128
"""Longest name of a design in characters: names of its modules and files contain it, and files have at most 255."""

# A name in RTLIL, or in a string, where its backslash is doubled.
_NAME = re.compile(r'\\(\\?)([^\s"\\]+)')
_MODULE = re.compile(r"(?m)^module \\(\S+)$")
# The type of an instance is the name of a module.
_TYPE = re.compile(r"^(\s*(?:cell|module) )\\(\S+)")


def check_name(name: str) -> str:
    """Return the name of a design if it is a plain identifier of Verilog and SystemVerilog.

    Raises
    ------
    ValueError
        If it is not.
    """
    problem = ""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        problem = "must begin with a letter or '_' and go on with letters, digits and '_'"
    elif name in KEYWORDS:
        problem = "is a keyword of Verilog or SystemVerilog; any other identifier is allowed"
    elif len(name) > LONGEST:
        problem = f"has {len(name)} characters: at most {LONGEST} are allowed"
    if problem:
        raise ValueError(f"name '{name[:40]}{'...' if len(name) > 40 else ''}' {problem}")
    return name


def module_name(top: str, path: str) -> str:
    """Return the Verilog name of a module of design ``top``, which :class:`Definition` and instances name ``path``.

    A module below the top begins with the name of the top: two designs of different names have no module in common.
    """
    return _plain(path if path == top or path.startswith(f"{top}.") else f"{top}.{path}")


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: ``name`` with as many underscores behind it as that needs."""
    while name in taken:
        name += "_"
    return name


def plain_names(rtlil: str, top: str) -> str:
    """Return RTLIL in which no name needs to be escaped in Verilog, and every module is private to design ``top``.

    Names of Amaranth's have dots between the parts of a path and ``$`` before a number that tells equal names apart.
    Modules that the text instantiates and does not contain keep their names.
    """
    modules = {path: module_name(top, path) for path in _MODULE.findall(rtlil)}
    if len(set(modules.values())) < len(modules):
        raise ValueError(f"modules of {top} have equal names in Verilog: {', '.join(sorted(modules))}")
    names = _distinct(dict.fromkeys(name for _, name in _NAME.findall(rtlil)))
    return "\n".join(_line(line, modules, names) for line in rtlil.split("\n"))


def _line(line: str, modules: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return a line of RTLIL with other names; attributes of Amaranth's keep theirs."""
    start, rest = "", line
    if line.lstrip().startswith("attribute "):
        return line
    if match := _TYPE.match(line):
        start, rest = f"{match[1]}\\{modules.get(match[2], match[2])}", line[match.end() :]
    return start + _NAME.sub(lambda match: f"\\{match[1]}{names[match[2]]}", rest)


def _distinct(names: Iterable[str]) -> dict[str, str]:
    """Return a plain name for each name; two names never share one."""
    every = list(names)
    found = {name: name for name in every if _plain(name) == name}
    taken = set(found)
    for name in every:
        if name not in found:
            plain = _plain(name)
            number = 0
            while (free := f"{plain}_{number}" if number else plain) in taken:
                number += 1
            found[name] = free
            taken.add(free)
    return found


def _plain(name: str) -> str:
    """Return a name with dots and other characters replaced by what an identifier may contain."""
    plain = re.sub(r"\W", "_", name.replace(".", "__"), flags=re.ASCII)
    return f"{plain}_" if plain in KEYWORDS else f"_{plain}" if plain[0].isdigit() else plain
