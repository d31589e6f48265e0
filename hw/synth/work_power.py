"""Energy of a netlist at work: changes of its nets come from a simulation of the same netlist, not from assumptions.

OpenSTA states the power of each cell while every net changes once a cycle, and while nothing but the clock moves; the
difference is the energy of a change of the net that the cell drives. A change at the data input of a flip-flop counts
with that of its output, and nets that inputs drive do not count. Clock gates pass no edge when nothing but the clock
moves; an edge that one passes is a change of its net, with all that it costs the flip-flops there. Internal power is
divided by the factor by which a version of OpenSTA exceeds the library's tables. Wires are left out, and so is what
happens within a cycle, glitches among it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.base.tool_runs import failure, run_tool
from tilewright.base.tools import Tool
from tilewright.hw.synth import clock_gates as gates_of
from tilewright.hw.synth.clock_gates import with_enough_gates
from tilewright.hw.synth.flow import POWER_SCRIPT, Remember, anew, gated
from tilewright.hw.synth.instances import Instance, bit_name, instances, without
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.netlist import MODELS, cell_models
from tilewright.hw.synth.power import INTERNAL_FACTOR, USUAL, Conditions, readable
from tilewright.hw.synth.run import run_yosys

SCRIPT = """\
read_liberty cells.lib
set_cmd_units -time ns -capacitance fF
read_verilog netlist.v
link_design {top}
create_clock -name clock -period {period_ns:.12g} [get_ports clk]
foreach port [all_inputs] {{
  if {{[get_property $port full_name] != "clk"}} {{ set_input_delay 0 -clock clock $port }}
}}
foreach activity {{0 1}} {{
  set_power_activity -global -activity $activity -duty 0.5
  report_power -digits 6 -instances [get_cells *]
}}
set gated {{{gated}}}
if {{[llength $gated]}} {{
  set_power_activity -global -activity 0 -duty 0.5
  set_sense -type clock -stop_propagation -clocks clock [get_pins $gated]
  report_power -digits 6 -instances [get_cells *]
}}
"""
"""Script that OpenSTA executes. Input delays make the clock known to gates that no register drives. OpenSTA lets all
clock gates pass the clock unless it is told to stop there."""
OPENED = "outputs_of_others"
"""Name of the input that stands for nets that instances drive which are left out."""
_PIN = re.compile(r"(?m)^(    \.\w+)\((.*)\)")
_INPUT = re.compile(r"(?m)^  input (?:\[\d+:\d+\] )?(\\?\S+?) ?;")
_ASSIGNED = re.compile(r"(?m)^  assign (\\?\S+?) ?(?:\[[\d:]+\])? = ")
_BASE = re.compile(r" ?\[\d+\]$")
_ROW = re.compile(r"(?m)^ *(-?\d\S*) +(-?\d\S*) +(-?\d\S*) +-?\d\S* +(\S+)$")


@dataclass(frozen=True)
class NetEnergies:
    """Energies of a netlist of cells."""

    clock_pj: float
    """Energy that all cells take in a cycle in which nothing but the clock moves; a tree of the clock is not in it."""
    change_pj: Mapping[str, float]
    """Energy of a change of each net that a cell drives, in the cell and at the pins that the net leads to."""
    leakage_uw: float

    def of(self, toggles: Mapping[str, int]) -> float:
        """Return the energy of a run in pJ, without leakage.

        Parameters
        ----------
        toggles : mapping
            Number of changes of each net in the run, of the clock ``clk`` too.

        Raises
        ------
        ValueError
            If a net has no number of changes.
        """
        return self.clock_pj * cycles_of(toggles) + self.changes(toggles)

    def changes(self, toggles: Mapping[str, int]) -> float:
        """Return the energy of a run in pJ above that of the idle clock, without leakage.

        Raises
        ------
        ValueError
            If a net has no number of changes.
        """
        if missing := [net for net in self.change_pj if net not in toggles]:
            raise ValueError(f"no toggles of {len(missing)} nets, of {missing[0]} among them")
        return sum(pj * toggles[net] for net, pj in self.change_pj.items())


def cycles_of(toggles: Mapping[str, int]) -> float:
    """Return the number of cycles of a run from the changes of its clock ``clk``."""
    return toggles["clk"] / 2


@dataclass(frozen=True)
class CellNetlist:
    """A design as cells of a library, with models of the cells."""

    top: str
    netlist: str
    """Verilog of the design."""
    models: str
    """Verilog of the cells that it has, without delays."""
    kept: tuple[str, ...] = ()
    """Modules that the design has instances of and that are no part of it."""

    @property
    def cells(self) -> str:
        """Verilog of the cells alone."""
        return without(self.netlist, self.kept)


def cell_netlist(
    verilog: str,
    top: str,
    yosys: Tool,
    library: Library,
    *,
    kept: Sequence[str] = (),
    conditions: Conditions = USUAL,
    clock_gates: bool = True,
    remember: Remember = anew,
) -> CellNetlist:
    """Return a design mapped, buffered and sized as for its power.

    Parameters
    ----------
    kept : sequence of str
        Modules whose instances stay what they are: memories, and what has a netlist of its own.

    Raises
    ------
    ConfigError
        If the library lacks a cell.
    ToolError
        If Yosys fails.
    """
    boxes = f"; blackbox {' '.join(kept)}" if kept else ""
    gate = library.clock_gate if clock_gates else None
    script = gated(POWER_SCRIPT, gate).replace("; synth", f"{boxes}; synth", 1)
    inputs = ["work power", top, verilog, script, MODELS, yosys.version, library.digest, repr(conditions)]
    inputs += [gate.key] if gate else []

    def make() -> dict:
        with TemporaryDirectory(prefix="tilewright-synth-") as name:
            folder = Path(name)
            (folder / "design.v").write_text(verilog, encoding="utf-8")
            (folder / "cells.lib").write_bytes(library.content)
            (folder / "sizing.constr").write_text(conditions.sizing)
            run_yosys(yosys, script.format(top=top, period_ps=conditions.period_ps), folder)
            text = readable((folder / "netlist.v").read_text())
            if gate:
                text = with_enough_gates(text, gate)
            return {"netlist": text, "models": cell_models(without(text, kept), library, yosys, folder)}

    return CellNetlist(top, **remember(inputs, make), kept=tuple(kept))


def net_energies(sta: Tool, design: CellNetlist, library: Library, *, conditions: Conditions = USUAL) -> NetEnergies:
    """Return the energies of a netlist whose clock is the port ``clk``.

    Raises
    ------
    ToolError
        If OpenSTA fails.
    """
    cells, gate = instances(design.cells), library.clock_gate
    driven = gates_of.gated(cells, gate) if gate else {}
    opened = [f"{each.name}/{gate.output}" for each in cells if gate and each.cell == gate.cell]
    with TemporaryDirectory(prefix="tilewright-power-") as name:
        folder = Path(name)
        (folder / "netlist.v").write_text(_with_inputs(design.cells, cells, library))
        (folder / "cells.lib").write_bytes(library.content)
        script = SCRIPT.format(top=design.top, period_ns=conditions.period_ps / 1000, gated=" ".join(opened))
        (folder / "power.tcl").write_text(script)
        said = run_tool(sta, ["-no_splash", "-exit", "power.tcl"], folder)
    rows = _ROW.findall(said)
    reports = 3 if opened else 2
    if "Error:" in said or len(rows) != reports * len(cells):
        raise failure(sta, said)
    factor, pj_of_watt = INTERNAL_FACTOR.get(sta.version, 1), 1e6 * conditions.period_ps / 1e6
    passing, moving, *stopped = (
        {cell: (float(internal) / factor + float(switching)) * pj_of_watt for internal, switching, _, cell in report}
        for report in (rows[first : first + len(cells)] for first in range(0, len(rows), len(cells)))
    )
    [still] = stopped or [passing]
    change_pj: dict[str, float] = {}
    for each in cells:
        # A change at a gate's enable counts with the net there.
        pins = [gate.enable] if gate and each.cell == gate.cell else library.cells[each.cell].outputs
        nets = [bit_name(net) for pin in pins if (net := each.connections.get(pin))]
        for net in nets:
            change_pj[net] = change_pj.get(net, 0.0) + (moving[each.name] - passing[each.name]) / len(nets)
    known = {bit_name(net) for each in cells for net in _outputs(each, library)}
    change_pj = {net: pj for net, pj in change_pj.items() if net in known}
    for each in cells:
        if gate and each.cell == gate.cell:
            net = each.connections[gate.output].strip()
            ticking = (each.name, *(flip_flop.name for flip_flop in driven[net]))
            change_pj[bit_name(net)] = sum(passing[name] - still[name] for name in ticking) / 2
    leakage_uw = sum(float(leakage) for _, _, leakage, _ in rows[: len(cells)]) * 1e6
    return NetEnergies(sum(still.values()), change_pj, leakage_uw)


def _outputs(each: Instance, library: Library) -> list[str]:
    """Return the nets that a cell drives."""
    return [net for pin in library.cells[each.cell].outputs if (net := each.connections.get(pin))]


def _with_inputs(netlist: str, cells: Sequence[Instance], library: Library) -> str:
    """Return a netlist in which nets that nothing drives, outputs of instances that were left out, are inputs."""
    known = {net for each in cells for net in _outputs(each, library)}
    inputs = {*_INPUT.findall(netlist), *_ASSIGNED.findall(netlist)}
    opened: dict[str, str] = {}

    def connected(match: re.Match) -> str:
        net = match[2].strip()
        if match[2] in known or "'" in net or _BASE.sub("", net) in inputs:
            return match[0]
        return f"{match[1]}({opened.setdefault(net, f'{OPENED}[{len(opened)}]')})"

    text = _PIN.sub(connected, netlist)
    if not opened:
        return netlist
    head, end, body = text.partition(");\n")
    return f"{head}, {OPENED}{end}  input [{len(opened) - 1}:0] {OPENED};\n{body}"
