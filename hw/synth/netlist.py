"""Netlists of synthesised blocks, with models of their cells to simulate them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tilewright.base.errors import ConfigError
from tilewright.base.tools import SynthesisTools, Tool
from tilewright.hw.synth.clock_gates import ClockGate, with_enough_gates
from tilewright.hw.synth.flow import AREA_SCRIPT, GENERIC, Remember, anew, gated, library_of
from tilewright.hw.synth.instances import instances
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.run import run_yosys

WRITE = "write_verilog -noattr netlist.v"
MAPPED = AREA_SCRIPT.partition("tee ")[0] + WRITE
"""Yosys script of a netlist of the cells of a liberty file: the one whose area ``synth`` prints."""
GATES = f"{GENERIC}; opt_clean -purge; {WRITE}"
"""Yosys script of a netlist of gates of two inputs, multiplexers and flip-flops, each as an expression of Verilog."""
MODELS = "read_liberty -ignore_miss_func cells.lib; select {cells}; write_verilog -noattr -selected cells.v"
"""Yosys script of the models of cells: the functions in the liberty file, without delays."""


def netlist(
    verilog: str,
    top: str,
    tools: SynthesisTools,
    *,
    library: Library | None = None,
    clock_gates: bool = True,
    remember: Remember = anew,
) -> Mapping[str, str]:
    """Return the texts of a netlist by the ends of their files' names.

    With a liberty file they are ``.netlist.v``, instances of its cells, and ``.cells.v``, a model of each cell that is
    used; without one, ``.netlist.v`` alone, of generic gates. ``library``, ``clock_gates`` and ``remember`` are those
    of :func:`.flow.cost`.

    Raises
    ------
    ConfigError
        If the liberty files are refused, or have no cell for something.
    ToolError
        If Yosys fails.
    """
    library = library or library_of(tools)
    gate = library.clock_gate if library and clock_gates else None
    script = f"{gated(MAPPED, gate)}; {MODELS}" if library else GATES
    inputs = ["netlist", top, verilog, script, tools.yosys.version, library.digest if library else ""]
    inputs += [gate.key] if gate else []
    return remember(inputs, lambda: _netlist(verilog, top, tools, library, gate))


def _netlist(verilog: str, top: str, tools: SynthesisTools, library: Library | None, gate: ClockGate | None) -> dict:
    with TemporaryDirectory(prefix="tilewright-synth-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        if not library:
            run_yosys(tools.yosys, GATES.format(top=top), folder)
            return {".netlist.v": (folder / "netlist.v").read_text()}
        (folder / "cells.lib").write_bytes(library.content)
        run_yosys(tools.yosys, gated(MAPPED, gate).format(top=top), folder)
        text = (folder / "netlist.v").read_text()
        if gate:
            text = with_enough_gates(text, gate)
        return {".netlist.v": text, ".cells.v": cell_models(text, library, tools.yosys, folder)}


def cell_models(netlist: str, library: Library, yosys: Tool, folder: Path) -> str:
    """Return Verilog of the cells of a netlist; the folder has the library as ``cells.lib``.

    Raises
    ------
    ConfigError
        If the library lacks a cell.
    ToolError
        If Yosys fails.
    """
    cells = sorted({each.cell for each in instances(netlist)})
    if missing := [cell for cell in cells if cell not in library.cells]:
        raise ConfigError(f"{library.label}: has no cell for {', '.join(missing)}")
    gate = library.clock_gate
    model = gate.model if gate and gate.cell in cells else ""
    known = [cell for cell in cells if not (model and gate and cell == gate.cell)]  # Yosys knows no such cells
    run_yosys(yosys, MODELS.format(cells=" ".join(known)), folder)
    return (folder / "cells.v").read_text() + model
