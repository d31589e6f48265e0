"""Energy of a run: of main memory, and of the events on chip by the figures of the system or of its process."""

from tilewright.sim.config import System
from tilewright.sim.config.event_energies import event_energies
from tilewright.sim.config.figures import FigureRange
from tilewright.sim.energy.area import load_area_model
from tilewright.sim.energy.events import Counts, EnergyItem
from tilewright.sim.energy.memory import NO_SOURCE, background_energy, bit_energy
from tilewright.sim.energy.npe import npe_energy
from tilewright.sim.energy.on_chip import on_chip
from tilewright.sim.energy.published import multiply_energy
from tilewright.sim.energy.structure import CIM_MACROS
from tilewright.sim.energy.system_area import units_in

CLOCK = "clock, "
"""Begin of the names of parts of the energy that are the idle clock of a unit."""


def energy(counts: Counts, system: System) -> list[EnergyItem]:
    """Return the energy of each kind of event; leakage and clock of the chip are counted if the system names a process.

    Raises
    ------
    ConfigError
        If the system names a process in which nothing was measured.
    """
    return [
        EnergyItem("main memory", counts.memory_bytes * 8, "bit", bit_energy(system)),
        EnergyItem("main memory, background", counts.cycles, "cycle", background_energy(system)),
        *_on_chip(counts, system),
        *npe_energy(counts, system),
    ]


def _on_chip(counts: Counts, system: System) -> list[EnergyItem]:
    if system.process is None:
        return _stated(counts, system)
    macro = multiply_energy(system)
    return [
        *on_chip(counts, system.accelerator, event_energies(system.process), macro),
        *_idle(counts, system, system.process, own_macros=macro is None),
    ]


def _idle(counts: Counts, system: System, process: str, *, own_macros: bool) -> list[EnergyItem]:
    """Return what the chip takes in every cycle, whether it works or not, while clock gates pass nothing.

    Edges that they pass are parts of the energies of events. A published macro's figure contains clock and leakage of
    the macro.
    """
    model = load_area_model(process)
    units = [unit for unit in units_in(system.accelerator, process) if own_macros or unit.unit != CIM_MACROS]
    leakage_pj = sum(unit.leakage_uw for unit in units) / system.clock_mhz
    tools = ", ".join(f"{name} {version}" for name, version in model.tools.items())
    source = f"fitted to syntheses in {process} with {tools}; docs/area.md"
    clocks = [
        EnergyItem(
            f"{CLOCK}{unit.unit}",
            counts.cycles,
            "cycle",
            FigureRange.exactly(unit.idle_clock_pj, f"{source}; {unit.clock_pj:,.4g} pJ without clock gates"),
        )
        for unit in units
    ]
    return [
        *clocks,
        EnergyItem("leakage of the chip", counts.cycles, "cycle", FigureRange.exactly(leakage_pj, source)),
    ]


def _stated(counts: Counts, system: System) -> list[EnergyItem]:
    """Return the energy of the events on chip by the figures that the system states."""

    def item(name: str, events: int, unit: str, field: str) -> EnergyItem:
        source = system.source(f"energy.{field}") or NO_SOURCE
        return EnergyItem(name, events, unit, FigureRange.exactly(getattr(system.energy, field), source))

    macro = multiply_energy(system)
    return [
        EnergyItem("CIM multiply-accumulate", counts.macs, "MAC", macro)
        if macro
        else item("CIM multiply-accumulate", counts.macs, "MAC", "mac_pj"),
        item("CIM weight write", counts.weight_bits, "bit", "weight_write_pj_per_bit"),
        item("scratchpad and array", counts.activation_bits, "bit", "activation_read_pj_per_bit"),
        item("vector unit", counts.vector_elements, "element", "vector_element_pj"),
    ]
