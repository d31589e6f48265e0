"""Energy of a run, from counted events and the energy of each."""

from dataclasses import dataclass

from tilewright.sim.config import System


@dataclass
class Counts:
    """Events that cost energy."""

    memory_bytes: int = 0
    macs: int = 0
    """Number of multiply-accumulates that the array carried out, also those whose result is not used."""
    weight_bits: int = 0
    """Number of bits written into the array."""
    activation_bits: int = 0
    """Number of bits moved between the scratchpad and the array."""
    vector_elements: int = 0
    """Number of elements that the vector unit processed, summed over its passes."""


@dataclass(frozen=True)
class EnergyItem:
    """Energy of one kind of event."""

    name: str
    events: int
    unit: str
    pj_per_event: float
    source: str
    """Source of the energy of an event."""

    @property
    def joules(self) -> float:
        """Energy of all events."""
        return self.events * self.pj_per_event * 1e-12


def energy(counts: Counts, system: System) -> list[EnergyItem]:
    """Return the energy of each kind of event; leakage and the clock tree are not counted."""
    on_chip = system.energy

    def item(name: str, events: int, unit: str, pj: float, path: str) -> EnergyItem:
        return EnergyItem(name, events, unit, pj, system.source(path) or "no source given")

    return [
        item(
            "main memory", counts.memory_bytes * 8, "bit", system.memory.energy_pj_per_bit, "memory.energy_pj_per_bit"
        ),
        item("CIM multiply-accumulate", counts.macs, "MAC", on_chip.mac_pj, "energy.mac_pj"),
        item(
            "CIM weight write",
            counts.weight_bits,
            "bit",
            on_chip.weight_write_pj_per_bit,
            "energy.weight_write_pj_per_bit",
        ),
        item(
            "scratchpad and array",
            counts.activation_bits,
            "bit",
            on_chip.activation_read_pj_per_bit,
            "energy.activation_read_pj_per_bit",
        ),
        item("vector unit", counts.vector_elements, "element", on_chip.vector_element_pj, "energy.vector_element_pj"),
    ]
