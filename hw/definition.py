"""Structure described once and instantiated many times.

Amaranth elaborates every submodule anew: a grid of sixteen equal macros would be elaborated and written out
sixteen times. A :class:`Definition` is written once, as a Verilog module of its own, and used by name.
"""

from collections.abc import Iterator

from amaranth.hdl import ClockSignal, Const, Instance, Module, ResetSignal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In


class Definition:
    """A component that is written once, as a Verilog module of its own.

    Parameters
    ----------
    module : str
        Name of the Verilog module.
    component : wiring.Component
        Component that the module contains. Must use the ``sync`` domain; its ports become ``clk``, ``rst`` and the
        members of its signature, with ``__`` between the parts of a path.
    """

    def __init__(self, module: str, component: wiring.Component):
        self.module = module
        self.component = component

    def instantiate(self, m: Module, name: str, *, clear: ValueLike | None = None) -> wiring.PureInterface:
        """Add one instance to ``m`` as submodule ``name``; return the interface at its edge.

        ``clear`` resets all of it, too.
        """
        signature = self.component.signature
        interface = signature.create(path=(name,))
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal() | clear if clear is not None else ResetSignal()}
        for path, member, value in signature.flatten(interface):
            if isinstance(Value.cast(value), Const):
                continue  # the ready of a stream that is always ready
            ports[("i_" if member.flow == In else "o_") + "__".join(map(str, path))] = value
        m.submodules[name] = Instance(self.module, **ports)
        return interface


def definitions(component: wiring.Component) -> Iterator[Definition]:
    """Yield every definition that ``component`` instantiates, directly or indirectly, each module name once.

    A component lists its own in the attribute ``definitions``.
    """
    seen: set[str] = set()

    def visit(parent: wiring.Component) -> Iterator[Definition]:
        for definition in getattr(parent, "definitions", ()):
            if definition.module not in seen:
                seen.add(definition.module)
                yield definition
                yield from visit(definition.component)

    yield from visit(component)
