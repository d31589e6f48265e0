"""Energy of a run: of main memory, and of the events on chip by the figures of the system or of its process."""

from tilewright.sim.config import System
from tilewright.sim.config.event_energies import event_energies
from tilewright.sim.config.figures import FigureRange
from tilewright.sim.energy.events import Counts, EnergyItem
from tilewright.sim.energy.memory import NO_SOURCE, background_energy, bit_energy
from tilewright.sim.energy.on_chip import on_chip
from tilewright.sim.energy.published import multiply_energy


def energy(counts: Counts, system: System) -> list[EnergyItem]:
    """Return the energy of each kind of event; leakage and clock of the chip are not counted.

    Raises
    ------
    ConfigError
        If the system names a process in which nothing was measured.
    """
    return [
        EnergyItem("main memory", counts.memory_bytes * 8, "bit", bit_energy(system)),
        EnergyItem("main memory, background", counts.cycles, "cycle", background_energy(system)),
        *_on_chip(counts, system),
    ]


def _on_chip(counts: Counts, system: System) -> list[EnergyItem]:
    if system.process is None:
        return _stated(counts, system)
    return on_chip(counts, system.accelerator, event_energies(system.process), multiply_energy(system))


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
