"""The clock tree that power assumes: buffers of one kind, ``FANOUT`` loads each, in as few levels as lead to one root.

Wires, gates that stop the clock and differences in arrival are left out, so that a real tree takes more.
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
MODULE = "clock_tree"


@dataclass(frozen=True)
class ClockTree:
    """The flip-flops of a netlist on a tree of buffers."""

    verilog: str
    """A module ``MODULE`` with the input ``clk``; its flip-flops have no other connections, so that only the clock
    moves."""
    buffer: str
    """Name of the cell."""
    buffers: int
    """Number of buffers."""


def clock_tree(cells: list[Instance], library: Library) -> ClockTree | None:
    """Return the clock tree of the flip-flops of a netlist, whose clock is ``clk``.

    Its buffer is the smallest whose ``max_capacitance`` is ``RESERVE`` times that of ``FANOUT`` clock pins, and of as
    many inputs of its own, or comes nearest to it. Without flip-flops or without a buffer in the library there is no tree.
    """
    loads = [
        (each.cell, pin)
        for each in cells
        if each.cell in library.cells and library.cells[each.cell].is_flip_flop
        for pin, net in each.connections.items()
        if net == "clk"
    ]
    buffer = _buffer(loads, library)
    if not loads or not buffer:
        return None
    name, source, output = buffer
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
    return ClockTree(
        "\n".join((f"module {MODULE}(clk);", "input clk;", f"wire {nets};", *lines, "endmodule\n")), name, buffers
    )


def _instances(sinks: list[tuple[str, str]], net: str, first: int) -> list[str]:
    return [f"{cell} cell{first + index} ({pins % net});" for index, (cell, pins) in enumerate(sinks)]


def _buffer(loads: list[tuple[str, str]], library: Library) -> tuple[str, str, str] | None:
    """Return the name, the input and the output of the buffer for some loads."""
    load = max((_capacitance(library.cells[cell].pins[pin]) for cell, pin in {*loads}), default=0.0)
    found = []
    for name, cell in library.cells.items():
        if (
            len(cell.inputs) != 1
            or [*cell.functions.values()] != cell.inputs
            or "dont_use" in cell.group.level.attributes
        ):
            continue
        [source], [output] = cell.inputs, cell.functions
        drives = cell.pins[output].number("max_capacitance") or inf
        short = max(0.0, RESERVE * FANOUT * max(load, _capacitance(cell.pins[source])) - drives)
        found.append((short, cell.group.level.number("area") or 0.0, name, source, output))
    return min(found)[2:] if found else None


def _capacitance(pin: Level) -> float:
    return pin.number("capacitance") or 0.0
