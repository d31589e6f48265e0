"""Energy of a netlist at work: changes of its nets come from a simulation of the same netlist, not from assumptions.

OpenSTA states the power of each cell while every net changes once a cycle, and while nothing but the clock moves; the
difference is the energy of a change of the net that the cell drives. A change at the data input of a flip-flop counts
with that of its output, and nets that inputs drive do not count. Internal power is divided by the factor by which a
version of OpenSTA exceeds the library's tables. Wires are left out, and so is what happens within a cycle, glitches
among it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.base.tool_runs import failure, run_tool
from tilewright.base.tools import Tool
from tilewright.hw.synth.flow import POWER_SCRIPT, Remember, anew
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
"""
"""Script that OpenSTA executes. Input delays make the clock known to gates that no register drives."""
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
    script = POWER_SCRIPT.replace("; synth", f"{boxes}; synth", 1)
    inputs = ["work power", top, verilog, script, MODELS, yosys.version, library.digest, repr(conditions)]

    def make() -> dict:
        with TemporaryDirectory(prefix="tilewright-synth-") as name:
            folder = Path(name)
            (folder / "design.v").write_text(verilog, encoding="utf-8")
            (folder / "cells.lib").write_bytes(library.content)
            (folder / "sizing.constr").write_text(conditions.sizing)
            run_yosys(yosys, script.format(top=top, period_ps=conditions.period_ps), folder)
            text = readable((folder / "netlist.v").read_text())
            return {"netlist": text, "models": cell_models(without(text, kept), library, yosys, folder)}

    return CellNetlist(top, **remember(inputs, make), kept=tuple(kept))


def net_energies(sta: Tool, design: CellNetlist, library: Library, *, conditions: Conditions = USUAL) -> NetEnergies:
    """Return the energies of a netlist whose clock is the port ``clk``.

    Raises
    ------
    ToolError
        If OpenSTA fails.
    """
    cells = instances(design.cells)
    with TemporaryDirectory(prefix="tilewright-power-") as name:
        folder = Path(name)
        (folder / "netlist.v").write_text(_with_inputs(design.cells, cells, library))
        (folder / "cells.lib").write_bytes(library.content)
        script = SCRIPT.format(top=design.top, period_ns=conditions.period_ps / 1000)
        (folder / "power.tcl").write_text(script)
        said = run_tool(sta, ["-no_splash", "-exit", "power.tcl"], folder)
    rows = _ROW.findall(said)
    if "Error:" in said or len(rows) != 2 * len(cells):
        raise failure(sta, said)
    factor, pj_of_watt = INTERNAL_FACTOR.get(sta.version, 1), 1e6 * conditions.period_ps / 1e6
    still, moving = (
        {cell: (float(internal) / factor + float(switching)) * pj_of_watt for internal, switching, _, cell in half}
        for half in (rows[: len(cells)], rows[len(cells) :])
    )
    change_pj: dict[str, float] = {}
    for each in cells:
        nets = [net for pin in library.cells[each.cell].outputs if (net := each.connections.get(pin))]
        for net in nets:
            change_pj[bit_name(net)] = (moving[each.name] - still[each.name]) / len(nets)
    leakage_uw = sum(float(leakage) for _, _, leakage, _ in rows[: len(cells)]) * 1e6
    return NetEnergies(sum(still.values()), change_pj, leakage_uw)


def _with_inputs(netlist: str, cells: Sequence[Instance], library: Library) -> str:
    """Return a netlist in which nets that nothing drives, outputs of instances that were left out, are inputs."""
    known = {net for each in cells for pin in library.cells[each.cell].outputs if (net := each.connections.get(pin))}
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
