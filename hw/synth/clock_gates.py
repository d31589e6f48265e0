"""Clock gates: registers that keep their bits get no clock, as in every flow for chips.

Flip-flops with a common enable lose the multiplexers that would write their own bits back; a cell of the library, a
latch and an AND in one, lets an edge of the clock through where the enable is 1. A register with a reset is enabled by
the reset, too. A gate that would drive more than ``MOST_FLIP_FLOPS`` is there several times.

Libraries mark such cells ``dont_use`` to keep them out of logic, so that this mark does not count here.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tilewright.hw.synth.instances import Instance, instances

if TYPE_CHECKING:
    from tilewright.hw.synth.library import Cell

LEAST_FLIP_FLOPS = 3
"""Number of flip-flops with one enable from which on they share a gate. In SG13G2 a gate takes as much area as two
multiplexers, and with the enable at 0 a third of the energy of one flip-flop's clock."""
MOST_FLIP_FLOPS = 32
"""Number of flip-flops that one gate drives at most: half of what the gate of SG13G2 could."""
ENABLED = "-cell $_SDFFCE_PP?P_ 01 -cell $_DFFE_PP_ 01 t:$_SDFFE_P* t:$_SDFFCE_P* t:$_DFFE_P?_"
"""Flip-flops whose enables count as they are, and the reset among them, in terms of Yosys."""
_HEAD_END = ");\n"


@dataclass(frozen=True)
class ClockGate:
    """A cell that passes the clock on in cycles in which an input is 1, which it takes while the clock is low."""

    cell: str
    enable: str
    """Name of this input."""
    clock: str
    """Name of the input of the clock."""
    output: str
    tied: tuple[str, ...] = ()
    """Inputs for tests, which are 0."""

    @property
    def commands(self) -> str:
        """Yosys commands that put gates before the flip-flops of a flat design."""
        ties = "".join(f" -tie_lo {pin}" for pin in self.tied)
        return (
            f"dfflegalize {ENABLED}; opt_merge; opt_clean; clockgate -pos {self.cell} "
            f"{self.enable}:{self.clock}:{self.output}{ties} -min_net_size {LEAST_FLIP_FLOPS}"
        )

    @property
    def key(self) -> str:
        """Text of all that netlists with this gate depend on, besides the design."""
        return f"{self.commands}; {MOST_FLIP_FLOPS} flip-flops a gate"

    @property
    def model(self) -> str:
        """Verilog of the cell, without delays."""
        ports = [self.enable, self.clock, *self.tied]
        inputs = "".join(f"  input {port};\n" for port in ports)
        return (
            f"module {self.cell}({', '.join([*ports, self.output])});\n{inputs}  output {self.output};\n"
            f"  reg passes;\n"
            f"  /* verilator lint_off LATCH */\n"
            f"  always @* if (!{self.clock}) passes = {self.enable};\n"
            f"  assign {self.output} = {self.clock} & passes;\n"
            "endmodule\n"
        )

    def as_outputs(self, blif: str) -> str:
        """Return a network of Berkeley ABC in which the enables of gates are outputs, where paths end."""
        enables: list[str] = []

        def taken(match: re.Match) -> str:
            pins = dict(pin.split("=", 1) for pin in match[1].split())
            enables.append(f"clock_gate_{len(enables)}")
            return f".names {pins[self.enable]} {enables[-1]}\n1 1\n"

        text = re.sub(rf"(?m)^\.subckt {self.cell} (.*)\n", taken, blif)
        return re.sub(r"(?m)^\.outputs.*$", lambda match: " ".join((match[0], *enables)), text, count=1)


@dataclass(frozen=True)
class GateCounts:
    """Clock gates of a netlist."""

    gates: int
    flip_flops: int
    """Number of flip-flops that they drive."""


def find_gate(cells: Mapping[str, "Cell"]) -> ClockGate | None:
    """Return the smallest cell that gates the clock of flip-flops of the rising edge; None if there is none."""
    found = []
    for name, cell in cells.items():
        kind = cell.group.level.attributes.get("clock_gating_integrated_cell", "")
        gate = _gate(name, cell) if re.fullmatch("latch_posedge(_precontrol|_postcontrol)?", kind) else None
        if gate is not None:
            found.append((cell.group.level.number("area") or 0.0, name, gate))
    return min(found)[2] if found else None


def _gate(name: str, cell: "Cell") -> ClockGate | None:
    def pins(role: str) -> list[str]:
        return [pin for pin, level in cell.pins.items() if level.attributes.get(f"clock_gate_{role}_pin") == "true"]

    enables, clocks, outputs, tests = (pins(role) for role in ("enable", "clock", "out", "test"))
    if len(enables) != 1 or len(clocks) != 1 or outputs != cell.outputs or len(outputs) != 1:
        return None
    if {*cell.inputs} != {*enables, *clocks, *tests}:
        return None
    return ClockGate(name, enables[0], clocks[0], outputs[0], tuple(tests))


def gated(cells: list[Instance], gate: ClockGate) -> dict[str, list[Instance]]:
    """Return the cells that each gate drives, by the net of its output."""
    driven: dict[str, list[Instance]] = {
        each.connections[gate.output].strip(): [] for each in cells if each.cell == gate.cell
    }
    for each in cells:
        if each.cell != gate.cell:
            for net in {net.strip() for net in each.connections.values()} & driven.keys():
                driven[net].append(each)
    return driven


def gate_counts(netlist: str, gate: ClockGate) -> GateCounts:
    """Return how many gates a netlist has, and how many flip-flops have a gated clock."""
    driven = gated(instances(netlist), gate)
    return GateCounts(len(driven), sum(map(len, driven.values())))


def with_enough_gates(netlist: str, gate: ClockGate) -> str:
    """Return a netlist in which no gate drives more than ``MOST_FLIP_FLOPS``: gates of many are there several times."""
    cells = instances(netlist)
    sources = {each.connections[gate.output].strip(): each for each in cells if each.cell == gate.cell}
    nets: dict[str, dict[str, str]] = defaultdict(dict)
    copies: list[tuple[str, Instance]] = []
    for net, users in gated(cells, gate).items():
        for first in range(MOST_FLIP_FLOPS, len(users), MOST_FLIP_FLOPS):
            copy = f"clock_gate_{len(copies)}"
            copies.append((copy, sources[net]))
            for each in users[first : first + MOST_FLIP_FLOPS]:
                nets[each.name][net] = f"{copy}_clk"
    if not copies:
        return netlist

    def moved(match: re.Match) -> str:
        text = match[0]
        for old, new in nets.get(match[1], {}).items():
            text = re.sub(rf"\({re.escape(old)}\s*\)", f"({new})", text)
        return text

    text = re.sub(r"(?m)^  \w+ (\S+) +\($(?:\n    \.[^\n]*)*", moved, netlist)
    head, end, body = text.partition(_HEAD_END)
    wires = "".join(f"  wire {copy}_clk;\n" for copy, _ in copies)
    added = "".join(
        f"  {gate.cell} {copy} (\n"
        + ",\n".join(
            f"    .{pin}({f'{copy}_clk' if pin == gate.output else net})" for pin, net in source.connections.items()
        )
        + "\n  );\n"
        for copy, source in copies
    )
    body, last, rest = body.partition("endmodule\n")
    return f"{head}{end}{wires}{body}{added}{last}{rest}"
