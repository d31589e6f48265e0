"""The clock tree that power assumes: buffers of one kind, ``FANOUT`` loads each, in as few levels as lead to one root.

Flip-flops with a gated clock have their gate as buffer. Wires and differences in arrival are left out, so that a real
tree takes more.
"""

from dataclasses import dataclass
from math import inf

from tilewright.hw.synth.instances import Instance
from tilewright.hw.synth.liberty import Level
from tilewright.hw.synth.library import Library

FANOUT = 16
"""Number of flip-flops or buffers that a buffer of the tree drives."""
RESERVE = 4
"""Factor by which a buffer could drive more, so that edges are fast."""
MODULES = ("clock_pins", "clock_tree")
"""Modules of the Verilog: the flip-flops alone, and on the tree."""


@dataclass(frozen=True)
class ClockTree:
    """The flip-flops of a netlist, and the clock gates before some of them, on a tree of buffers."""

    verilog: str
    """Modules ``MODULES`` with the input ``clk``; their flip-flops have no other connections, so that only the clock
    moves."""
    buffer: str
    """Name of the cell."""
    buffers: int
    """Number of buffers."""


def clock_tree(cells: list[Instance], library: Library) -> ClockTree | None:
    """Return the clock tree of the flip-flops of a netlist, whose clock is ``clk``.

    Its buffer is the smallest whose ``max_capacitance`` is ``RESERVE`` times that of ``FANOUT`` clock pins, and of as
    many inputs of its own, or comes nearest to it. Without flip-flops there is no tree.
    """
    gate = library.clock_gate.cell if library.clock_gate else None
    loads = [
        (each.cell, pin)
        for each in cells
        if each.cell in library.cells and (library.cells[each.cell].is_flip_flop or each.cell == gate)
        for pin, net in each.connections.items()
        if net == "clk"
    ]
    if not loads:
        return None
    name, source, output = _buffer(loads, library)
    sinks = [(cell, f".{pin}(%s)") for cell, pin in loads]
    lines: list[str] = []
    buffers = 0
    while len(sinks) > 1 or not buffers:
        drivers = []
        for first in range(0, len(sinks), FANOUT):
            net = f"net{buffers}"
            lines += _instances(sinks[first : first + FANOUT], net, len(lines))
            drivers.append((name, f".{source}(%s), .{output}({net})"))
            buffers += 1
        sinks = drivers
    lines += _instances(sinks, "clk", len(lines))
    nets = ", ".join(f"net{index}" for index in range(buffers))
    pins = _instances([(cell, f".{pin}(%s)") for cell, pin in loads], "clk", 0)
    modules = (pins, [f"wire {nets};", *lines])
    verilog = "".join(
        "\n".join((f"module {module}(clk);", "input clk;", *inside, "endmodule\n"))
        for module, inside in zip(MODULES, modules, strict=True)
    )
    return ClockTree(verilog, name, buffers)


def _instances(sinks: list[tuple[str, str]], net: str, first: int) -> list[str]:
    return [f"{cell} cell{first + index} ({pins % net});" for index, (cell, pins) in enumerate(sinks)]


def _buffer(loads: list[tuple[str, str]], library: Library) -> tuple[str, str, str]:
    """Return the name, the input and the output of the buffer for some loads."""
    load = max(_capacitance(library.cells[cell].pins[pin]) for cell, pin in {*loads})
    found = []
    for name, cell in library.cells.items():
        if not cell.is_buffer:
            continue
        avoided = cell.group.level.attributes.get("dont_use") == "true"
        [source], [output] = cell.inputs, cell.functions
        drives = cell.pins[output].number("max_capacitance") or inf
        short = max(0.0, RESERVE * FANOUT * max(load, _capacitance(cell.pins[source])) - drives)
        found.append((avoided, short, cell.group.level.number("area") or 0.0, name, source, output))
    return min(found)[3:]


def _capacitance(pin: Level) -> float:
    return pin.number("capacitance") or 0.0
