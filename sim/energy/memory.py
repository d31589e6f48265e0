"""Energy of main memory of a system: of a bit that moves, and of a cycle in which the memory has power."""

from fractions import Fraction
from math import ceil

from tilewright.sim.config import System
from tilewright.sim.config.figures import LEVELS, Figure, FigureRange, Levels

NO_SOURCE = "no source given"


def bit_energy(system: System) -> FigureRange:
    """Return the energy of a bit in pJ: what the system states, or that of its kind of DRAM."""
    memory = system.memory
    if memory.energy_pj_per_bit is not None:
        return _stated(system, "memory.energy_pj_per_bit", memory.energy_pj_per_bit)
    assert memory.dram is not None  # a system without either is refused
    return memory.dram.pj_per_bit


def background_energy(system: System) -> FigureRange:
    """Return the energy that memory takes in a cycle of the accelerator whether bits move or not, in pJ.

    It is zero, and its source says so, if neither the system nor its kind of DRAM has a power.
    """
    memory, pj_per_cycle = system.memory, 1000 / system.clock_mhz  # of one mW
    if memory.background_mw is not None:
        return _stated(system, "memory.background_mw", memory.background_mw).times(pj_per_cycle)
    if memory.dram is None:
        return FigureRange.exactly(0, f"not counted: memory.kind = {memory.kind!r} has no figure, background_mw none")
    devices = device_count(system)
    remark = f"; {devices} device{'s' if devices > 1 else ''}"
    return memory.dram.background_mw.times(devices * pj_per_cycle, remark)


def device_count(system: System) -> int:
    """Return the number of devices of main memory: what the system states, or the fewest that have its bandwidth.

    A thousandth of the bandwidth does not count: rates of devices are rounded.
    """
    memory = system.memory
    if memory.devices is not None or memory.dram is None:
        return memory.devices or 1
    return ceil(Fraction(999, 1000) * memory.bandwidth_mb_per_s / Fraction(memory.dram.device_mb_per_s.value))


def _stated(system: System, path: str, stated: float | Levels) -> FigureRange:
    """Return figures that a system states, with their sources."""
    if not isinstance(stated, Levels):
        return FigureRange.exactly(stated, system.source(path) or NO_SOURCE)
    return FigureRange(
        **{
            level: Figure(value=getattr(stated, level), source=system.source(f"{path}.{level}") or NO_SOURCE)
            for level in LEVELS
        }
    )
