"""Power of a mapped netlist by OpenSTA, at a stated clock and activity.

The activity of the data inputs is propagated through the gates as probabilities, with reset at rest: no glitches, no
correlation, no wires. Inputs change at the edge of the clock and at once. A figure to compare designs by, not what a
chip draws. The clock tree is an assumption, see :mod:`.clock_tree`, and a figure of its own.

Clock gates pass an edge as often as the propagated probability of their enables says. OpenSTA itself lets them pass
every edge; what the edges that do not pass would take is subtracted.

The netlist has buffers and is sized for the clock, which that of ``area`` is not: slow edges of nets with many loads
would be most of the power otherwise.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.tool_runs import failure, run_tool
from tilewright.base.tools import Tool
from tilewright.hw.synth import clock_tree
from tilewright.hw.synth.clock_gates import ClockGate, gated, with_enough_gates
from tilewright.hw.synth.instances import instances
from tilewright.hw.synth.library import Cell, Library

RANGES = {"clock_mhz": (0.001, 100_000), "activity": (0, 1), "output_load_ff": (0, 1_000_000)}
"""Least and greatest value of each condition."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Conditions of a power figure.

    Raises
    ------
    ConfigError
        If one is out of its range.
    """

    clock_mhz: float = 100
    activity: float = 0.1
    """Number of transitions of each data input in a clock cycle."""
    output_load_ff: float = 0
    """Capacitance at each output."""

    def __post_init__(self) -> None:
        for name, (least, greatest) in RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int | float):
                raise ConfigError(f"{name} = {value!r} is not allowed: it must be a number")
            if not least <= value <= greatest:
                raise ConfigError(f"{name} = {value:g} is not allowed: it must be {least:g} to {greatest:,}")

    @property
    def period_ps(self) -> float:
        """Period of the clock."""
        return 1e6 / self.clock_mhz

    @property
    def sizing(self) -> str:
        """Constraints by which ABC sizes the gates; its capacitances are in fF."""
        return f"set_load {self.output_load_ff:.12g}\n" if self.output_load_ff else ""


USUAL = Conditions()
"""Conditions of all figures for which no others are stated."""
MAP = "dfflibmap -liberty cells.lib; abc -liberty cells.lib -constr sizing.constr -D {period_ps:.0f}"
"""Yosys script; a file of constraints, even an empty one, makes ABC add buffers and size the gates."""
WRITE = "write_verilog -noattr -simple-lhs netlist.v"
"""Yosys script; OpenSTA reads no concatenation on the left of an assignment."""
# Periods and capacitances would be in the units of the library, which may be ps and fF.
SCRIPT = """\
read_liberty cells.lib
set_cmd_units -time ns -capacitance fF
read_verilog netlist.v
link_design {top}
create_clock -name clock -period {period_ns:.12g} {clock_port}
foreach port [all_inputs] {{
  if {{[get_property $port full_name] != "clk"}} {{ set_input_delay 0 -clock clock $port }}
}}
set_load {load:.12g} [all_outputs]
set_power_activity -input -activity {activity:.12g} -duty 0.5
{reset_activity}
report_power -digits 6
"""
GATES = """\
set gated {{{outputs}}}
foreach enable {{{enables}}} {{ puts "enable [get_property [get_pins $enable] activity]" }}
set_power_activity -global -activity 0 -duty 0.5
report_power -digits 6 -instances [get_cells {{{cells}}}]
set_sense -type clock -stop_propagation -clocks clock [get_pins $gated]
report_power -digits 6 -instances [get_cells {{{cells}}}]
"""
"""Script that follows ``SCRIPT`` if there are clock gates: the probability that each enable is 1, and the power of the
clock's cells while all gates pass the clock, and while none does."""
CLOCK_PORT = "[get_ports clk]"
RESET_ACTIVITY = "set_power_activity -input_ports rst -activity 0 -duty 0"
CLOCK = """\
read_verilog clock_tree.v
link_design {module}
create_clock -name clock -period {period_ns:.12g} [get_ports clk]
set_power_activity -global -activity 0 -duty 0.5
report_power -digits 6
"""
INTERNAL_FACTOR = {"2.0.17": 2}
"""Factor by which a version of OpenSTA exceeds the tables of internal power, by which its figures are divided. This
version adds the energies of a rise and of a fall at every transition; later ones take their mean."""
FLOW = f"{SCRIPT}{GATES}{CLOCK_PORT}{RESET_ACTIVITY}{CLOCK}{clock_tree.FANOUT} {clock_tree.RESERVE} {INTERNAL_FACTOR}"
"""Scripts that OpenSTA executes, and the numbers from which a clock tree and figures are made."""
PARTS = ("internal_uw", "switching_uw", "leakage_uw")
STATES: Mapping[str, Callable[[Cell], bool]] = {
    "internal_uw": lambda cell: cell.has_internal_power,
    "leakage_uw": lambda cell: cell.has_leakage,
}
"""Parts of the power for which a library may state nothing, and whether it does for a cell."""


def run_power(
    sta: Tool, top: str, library: Library, conditions: Conditions, gate: ClockGate | None, folder: Path
) -> dict:
    """Return the figures of ``netlist.v`` with ``cells.lib``; its clock, if any, is the port ``clk``, and its reset
    ``rst``.

    A part of which the library states nothing for any cell of the netlist is None, and no part of the sum.

    Raises
    ------
    ToolError
        If OpenSTA fails.
    """
    netlist = folder / "netlist.v"
    text = readable(netlist.read_text())
    if gate:
        text = with_enough_gates(text, gate)
    netlist.write_text(text)
    inputs = re.findall(r"^\s*input (\w+);", text, flags=re.MULTILINE)
    used = instances(text)
    driven = gated(used, gate) if gate else {}
    tree = clock_tree.clock_tree(used, library)
    if tree:
        (folder / "clock_tree.v").write_text(tree.verilog)
    period_ns = conditions.period_ps / 1000
    script = SCRIPT.format(
        top=top,
        period_ns=period_ns,
        # Without a clock port it is a virtual clock: the unit of time of the activities. Input delays make the clock
        # known to gates that no register drives.
        clock_port=CLOCK_PORT if "clk" in inputs else "",
        load=conditions.output_load_ff,
        activity=conditions.activity,
        reset_activity=RESET_ACTIVITY if "rst" in inputs else "",
    )
    if gate and driven:
        gates = [each for each in used if each.cell == gate.cell]
        clocked = [each.name for each in used if library.cells[each.cell].is_flip_flop] + [each.name for each in gates]
        script += GATES.format(
            outputs=" ".join(f"{each.name}/{gate.output}" for each in gates),
            enables=" ".join(f"{each.name}/{gate.enable}" for each in gates),
            cells=" ".join(clocked),
        )
    modules = clock_tree.MODULES if tree else ()
    script += "".join(CLOCK.format(module=module, period_ns=period_ns) for module in modules)
    (folder / "power.tcl").write_text(script)
    said = run_tool(sta, ["-no_splash", "-exit", "power.tcl"], folder)
    factor = INTERNAL_FACTOR.get(sta.version, 1)
    found = _reports(said, factor)
    if "Error:" in said or len(found) != 1 + len(modules):
        raise failure(sta, said)
    parts = dict(zip(PARTS, found[0][:-1], strict=True))
    clock: dict = {}
    if tree:
        clock = {
            "clock_pins_uw": found[1][-1],
            "clock_idle_uw": found[1][-1],
            "clock_tree_uw": round(found[2][-1] - found[1][-1], 6),
            "clock_tree": f"{tree.buffers} {tree.buffer}",
        }
    if gate and driven:
        groups = [[each.name, *(user.name for user in driven[each.connections[gate.output].strip()])] for each in gates]
        stopped, clock_power = _stopped(said, clocked, groups, factor)
        parts |= {part: round(parts[part] - uw, 6) for part, uw in stopped.items()}
        clock |= clock_power
    figures: dict = {"power_uw": round(sum(parts.values()), 6), **parts, "power_lacks": {}}
    cells = [library.cells[name] for name in sorted({each.cell for each in used}) if name in library.cells]
    for part, states in STATES.items():
        measured = [cell for cell in cells if cell.inputs]
        if lacking := [cell.group.name for cell in measured if not states(cell)]:
            figures["power_lacks"][part] = lacking
            if len(lacking) == len(measured):
                figures[part] = None
    return figures | clock


def _stopped(
    said: str, clocked: Sequence[str], groups: Sequence[Sequence[str]], factor: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the internal and switching power of edges that gates do not pass, and the power of the clock, in uW.

    Parameters
    ----------
    clocked : sequence of str
        Flip-flops and gates, in the order of the reports.
    groups : sequence of sequences of str
        Each gate with its flip-flops.
    """
    # A probability may be written as a whole number.
    enabled = [float(duty) for duty in re.findall(r"^enable \S+ (\S+)", said, flags=re.MULTILINE)]
    rows = re.findall(r"^ *(-?\d\S*) +(-?\d\S*) +(-?\d\S*) +-?\d\S* +(\S+)$", said, flags=re.MULTILINE)
    reports = []
    for first in (0, len(clocked)):
        reports.append(
            {
                name: (float(internal) * 1e6 / factor, float(switching) * 1e6, float(leakage) * 1e6)
                for internal, switching, leakage, name in rows[first : first + len(clocked)]
            }
        )
    passing, still = reports
    stopped = {"internal_uw": 0.0, "switching_uw": 0.0}
    working = idle = sum(map(sum, still.values()))
    for group, share in zip(groups, enabled, strict=True):
        for index, part in enumerate(stopped):
            edges = sum(passing[name][index] - still[name][index] for name in group)
            stopped[part] += (1 - share) * edges
            working += share * edges
    return stopped, {"clock_pins_uw": round(working, 6), "clock_idle_uw": round(idle, 6)}


def readable(netlist: str) -> str:
    """Return a netlist that OpenSTA can read: its reader of Verilog knows no signed nets."""
    return re.sub(r"^(\s*(?:input|output|inout|wire)) signed\b", r"\1", netlist, flags=re.MULTILINE)


def _reports(said: str, factor: int) -> list[list[float]]:
    """Return internal, switching, leakage and total power in uW of each report of OpenSTA, the internal one divided."""
    reports = []
    for found in re.findall(r"^Total +(-?\d\S*) +(-?\d\S*) +(-?\d\S*)", said, flags=re.MULTILINE):
        internal, switching, leakage = (float(watts) * 1e6 for watts in found)
        parts = (internal / factor, switching, leakage)
        reports.append([round(uw, 6) for uw in (*parts, sum(parts))])
    return reports
