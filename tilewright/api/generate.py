"""Generates and synthesises blocks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tilewright.api.blocks import BLOCKS, Block
from tilewright.base.cache import remember, require_cache
from tilewright.base.errors import ConfigError, suggest
from tilewright.base.files import write_json, write_text
from tilewright.base.tool_runs import time_limit
from tilewright.base.tools import SynthesisTools, find_synthesis_tools
from tilewright.base.wasm import code_folder
from tilewright.hw.generate import Design, GeneratedBlock
from tilewright.hw.synth.flow import Cost, cost, library_of
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.netlist import netlist
from tilewright.hw.synth.power import INTERNAL_FACTOR, USUAL, Conditions
from tilewright.sim.energy.process_scaling import ProcessPoint, Scaling, scaling


def block(name: str) -> Block:
    """Return the block of a name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name not in BLOCKS:
        raise ConfigError(f"unknown block '{name}'{suggest(name, BLOCKS)}")
    return BLOCKS[name]


def generate(name: str, *, tables: str = "logic", **options: object) -> GeneratedBlock:
    """Return the Verilog of a block and a description of its ports, as ``tilewright generate`` writes them.

    Parameters
    ----------
    name : str
        Name of a block, from ``tilewright list``.
    tables : str
        Form of function tables, such as GELU's: ``logic``, or ``memory`` with initial contents.
    options
        Options of ``tilewright generate NAME``, with underscores: numbers, texts, formats, systems.

    Raises
    ------
    ConfigError
        If there is no such block or option, or a value does not go; names the option.
    """
    return _design(name, tables, options).generate()


def _design(name: str, tables: str, options: Mapping[str, object]) -> Design:
    design = block(name).design(**options)
    try:
        return design.with_tables(tables)
    except ValueError as error:
        raise ConfigError(str(error)) from error


@dataclass(frozen=True)
class SynthResult:
    """Cost of a block, and the tools that measured it."""

    block: str
    """Name of the block."""
    module: str
    """Name of the Verilog module."""
    configuration: Mapping[str, object]
    """Parameters of the block."""
    cost: Cost
    """Figures; a figure is None if a tool for it is missing."""
    tools: SynthesisTools
    """Tools of this machine, and the names of those that are missing."""
    library: Library | None
    """Cells that the liberty files make up, with units and operating conditions."""
    conditions: Conditions
    """Clock, activity and load of the power figures."""
    netlist: Mapping[str, str] = field(default_factory=dict)
    """Texts of the netlist, if it was asked for: ``.netlist.v``, and with a liberty file ``.cells.v``, models of the
    cells that it has."""
    scaling: Scaling | None = None
    """Factors to another process, if figures for it were asked for."""

    def to_dict(self) -> dict:
        """Return the result as ``tilewright synth BLOCK --json`` prints it."""
        tools = self.tools
        return {
            "block": self.block,
            "module": self.module,
            "configuration": self.configuration,
            **asdict(self.cost),
            "power_clock_mhz": self.conditions.clock_mhz,
            "power_activity": self.conditions.activity,
            "power_output_load_ff": self.conditions.output_load_ff,
            "internal_factor": INTERNAL_FACTOR.get(tools.sta.version) if tools.sta else None,
            "tools": {tool.name: tool.version for tool in (tools.yosys, tools.abc, tools.sta) if tool},
            "liberty": os.pathsep.join(map(str, tools.liberty)) or None,
            "library": self.library.to_dict() if self.library else None,
            "missing": list(tools.missing),
            "scaled": self.scaled(),
        }

    def scaled(self) -> dict | None:
        """Return area, path and the power of transitions as estimates for another process; None if not asked for."""
        if self.scaling is None:
            return None
        factors = {
            "area_um2": self.scaling.area,
            "path_ns": self.scaling.delay,
            **dict.fromkeys(
                ("internal_uw", "switching_uw", "clock_pins_uw", "clock_idle_uw", "clock_tree_uw"), self.scaling.energy
            ),
        }
        figures = {name: (getattr(self.cost, name), factor) for name, factor in factors.items()}
        return {
            "to": asdict(self.scaling.target),
            **{name: None if value is None else value * factor for name, (value, factor) in figures.items()},
            "remark": self.scaling.remark,
        }

    def write(self, folder: Path) -> list[Path]:
        """Write MODULE.synth.json and the texts of the netlist to a folder; return their paths.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        texts = {folder / f"{self.module}{end}": text for end, text in self.netlist.items()}
        for file, text in texts.items():
            write_text(file, text)
        return [write_json(folder / f"{self.module}.synth.json", self.to_dict()), *texts]


def synth(
    name: str,
    *,
    liberty: str | Path | Sequence[str | Path] | None = None,
    clock_mhz: float = USUAL.clock_mhz,
    activity: float = USUAL.activity,
    output_load_ff: float = USUAL.output_load_ff,
    clock_gates: bool = True,
    with_netlist: bool = False,
    node_nm: float | None = None,
    scale_to: tuple[float, float] | None = None,
    tables: str = "logic",
    **options: object,
) -> SynthResult:
    """Generate and synthesise a block, as ``tilewright synth`` does: look-up tables, cells, area, path, power.

    Results are kept in the cache folder, so that the same question is answered at once.

    Parameters
    ----------
    name : str
        Name of a block, from ``tilewright list``.
    liberty : str, Path or sequence of them, optional
        Liberty files for area, path and power, plain or packed by gzip; several must belong together. By default those
        in TILEWRIGHT_LIBERTY, or osu018 of qflow.
    clock_mhz : float
        Clock frequency of the power figures.
    activity : float
        Number of transitions of each data input in a clock cycle.
    output_load_ff : float
        Capacitance at each output.
    clock_gates : bool
        Gate the clocks of registers with an enable, if the liberty files have a cell for that.
    with_netlist : bool
        Also make the netlist of the cells of the liberty file, or of generic gates without one.
    node_nm : float, optional
        Node of the process in nm, 7 to 180, which liberty files do not state; only for ``scale_to``.
    scale_to : (float, float), optional
        Node in nm and supply voltage in V of another process, for which ``scaled`` estimates the figures.
    tables : str
        Form of function tables, such as GELU's: ``logic``, or ``memory`` with initial contents.
    options
        Options of ``tilewright synth NAME``, with underscores: numbers, texts, formats, systems.

    Raises
    ------
    ConfigError
        If there is no such block or option, a value does not go, or a tool fails; names the option.
    """
    conditions = Conditions(clock_mhz=clock_mhz, activity=activity, output_load_ff=output_load_ff)
    named = [liberty] if isinstance(liberty, str | Path) else liberty or []
    tools, library = synthesis_tools([Path(file) for file in named])
    factors = scaling_of(library, node_nm, scale_to)
    design = _design(name, tables, options)
    return synthesise(
        name, design, tools, library, conditions, clock_gates=clock_gates, with_netlist=with_netlist, factors=factors
    )


def scaling_of(library: Library | None, node_nm: float | None, scale_to: tuple[float, float] | None) -> Scaling | None:
    """Return the factors from the process of a library to another one; None if neither is named.

    Raises
    ------
    ConfigError
        If only one is named, there is no library, or the factors' source does not cover a node or a voltage.
    """
    if node_nm is None and scale_to is None:
        return None
    if node_nm is None or scale_to is None:
        raise ConfigError(
            "node_nm and scale_to go together: the node of the liberty files, which they do not state, and the process "
            "for which figures are estimated"
        )
    if library is None:
        raise ConfigError("scale_to needs a liberty file: there are no figures to scale")
    return scaling(ProcessPoint(node_nm, library.voltage_v), ProcessPoint(*scale_to))


def synthesis_tools(liberty: Sequence[Path]) -> tuple[SynthesisTools, Library | None]:
    """Return the tools of this machine and the library of the liberty files, those named or else those found.

    Raises
    ------
    ConfigError
        If there is no Yosys, or a liberty file, the cache folder or the time limit is not fit for use.
    """
    tools = find_synthesis_tools(liberty)
    require_cache()
    time_limit()
    code_folder()
    return tools, library_of(tools)  # a bad file is refused before the work starts


def synthesise(
    name: str,
    design: Design,
    tools: SynthesisTools,
    library: Library | None,
    conditions: Conditions,
    *,
    clock_gates: bool = True,
    with_netlist: bool = False,
    factors: Scaling | None = None,
) -> SynthResult:
    """Return the cost of a design of the block ``name``, and its netlist if that is asked for.

    Raises
    ------
    ConfigError
        If a tool fails.
    """
    made = design.generate()
    kept = remember("synth")
    common: dict[str, Any] = {"library": library, "clock_gates": clock_gates, "remember": kept}
    figures = cost(made.verilog, made.name, tools, conditions=conditions, **common)
    texts = netlist(made.verilog, made.name, tools, **common) if with_netlist else {}
    configuration = made.ports["configuration"]
    return SynthResult(name, made.name, configuration, figures, tools, library, conditions, texts, factors)
