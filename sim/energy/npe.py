"""Multiply-accumulates of the NPE, by the format of their operands, and their energy.

Nothing else of a job has an energy: neither its panels and sums, nor its epilogue, nor the clock of an idle NPE.
"""

from tilewright.sim.config import System
from tilewright.sim.config.figures import FigureRange
from tilewright.sim.config.mac_energies import mac_energies
from tilewright.sim.energy.events import Counts, EnergyItem
from tilewright.sim.energy.memory import NO_SOURCE
from tilewright.sim.formats.simd import ALL_MODES, Mode
from tilewright.sim.isa.descriptor import Descriptor


def count_job(job: Descriptor, times: int, counts: Counts) -> None:
    """Add the multiply-accumulates of a job, executed a number of times, to counts."""
    name = Mode(job.mode).label
    counts.npe_macs[name] = counts.npe_macs.get(name, 0) + times * job.m * job.n * job.k


def npe_energy(counts: Counts, system: System) -> list[EnergyItem]:
    """Return the energy of multiply-accumulates for each width of operands, or in a process for each format.

    A width for which the system states no energy has none.

    Raises
    ------
    ConfigError
        If the system names a process in which nothing was measured.
    """
    if system.npe is None:
        return []
    return _stated(counts, system) if system.process is None else _measured(counts, system.process)


def _stated(counts: Counts, system: System) -> list[EnergyItem]:
    items = []
    for bits in sorted({mode.bits for mode in ALL_MODES}):
        name = f"npe_mac_{bits}_bits_pj"
        figure: float | None = getattr(system.energy, name)
        if figure is None:
            continue
        macs = sum(counts.npe_macs.get(mode.label, 0) for mode in ALL_MODES if mode.bits == bits)
        source = system.source(f"energy.{name}") or NO_SOURCE
        items.append(
            EnergyItem(f"NPE multiply-accumulate, {bits} bits", macs, "MAC", FigureRange.exactly(figure, source))
        )
    return items


def _measured(counts: Counts, process: str) -> list[EnergyItem]:
    energies = mac_energies(process)
    return [
        EnergyItem(
            f"NPE multiply-accumulate, {mode.label}", counts.npe_macs[mode.label], "MAC",
            FigureRange.exactly(energies.of(mode), energies.source),
        )
        for mode in ALL_MODES
        if mode.label in counts.npe_macs
    ]  # fmt: skip
