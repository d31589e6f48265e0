"""Inputs of a harness behind registers.

At each edge of the clock Verilator first computes all logic that hangs on an input of the top module, whether the input
has changed or not. A reset hangs on nearly everything, and settings of a memory on all that its answers lead to: behind
registers they cost nothing, and take effect a cycle later.
"""

from amaranth.hdl import ClockDomain, Module, Signal


def hold_reset(m: Module, clk: Signal, rst: Signal) -> None:
    """Give a top module a domain ``sync`` whose reset is that of its port ``rst``, a cycle later.

    The ports are members of the component, so that they keep their names.
    """
    reset = Signal(init=1)
    outside, inside = ClockDomain("ports", local=True), ClockDomain("sync")
    outside.clk, outside.rst = clk, rst
    inside.clk, inside.rst = clk, reset
    m.domains += [outside, inside]
    m.d.ports += reset.eq(0)


def held(m: Module, port: Signal) -> Signal:
    """Return what an input was a cycle ago."""
    register = Signal.like(port, name=f"{port.name}_held", reset_less=True)
    m.d.sync += register.eq(port)
    return register
