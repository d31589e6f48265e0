"""Components as Verilog text."""

from amaranth.back import verilog
from amaranth.lib import wiring

from tilewright.hw.definition import definitions


def convert(component: wiring.Component, name: str) -> str:
    """Return ``component`` as Verilog module ``name``, followed by the modules that it instantiates.

    Ports are ``clk``, ``rst`` and the members of the signature, ``__`` between the parts of a path.
    """
    modules = [(name, component)]
    modules += [(definition.module, definition.component) for definition in definitions(component)]
    return "\n".join(
        verilog.convert(part, name=module, emit_src=False, strip_internal_attrs=True) for module, part in modules
    )
