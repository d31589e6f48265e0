"""Area, leakage and clock power of a system that names its process of manufacture."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from tilewright.sim.config import System
from tilewright.sim.config.accelerator import AcceleratorConfig

from .area import UnitArea, load_area_model, unit_areas
from .clock_gates import FlipFlops, load_clock_model, part_flip_flops
from .structure import UNITS, parts


@dataclass(frozen=True)
class UnitCost(UnitArea):
    """Cost of one unit of an accelerator, with clock gates."""

    gated_flip_flops: int
    """Number of flip-flops whose clock is gated."""
    clock_gates: int
    """Number of gates."""
    idle_clock_pj: float
    """Energy of the clock in a cycle in which no gate passes it, without a clock tree and macros; ``clock_pj`` is that
    without gates."""


@dataclass(frozen=True)
class SystemArea:
    """Cost of an accelerator on chip, by unit: standard cells and SRAM macros, without wires."""

    process: str
    """Name of the process."""
    clock_mhz: int
    units: Sequence[UnitCost]
    not_counted: tuple[str, ...]
    """Units whose area was not measured."""

    @property
    def area_mm2(self) -> float:
        """Area of all units that are counted."""
        return sum(unit.area_um2 for unit in self.units) / 1e6

    @property
    def leakage_mw(self) -> float:
        """Leakage of all units that are counted."""
        return sum(unit.leakage_uw for unit in self.units) / 1e3

    @property
    def clock_mw(self) -> float:
        """Power of all flip-flops while nothing but the clock moves, without clock gates and a clock tree."""
        return sum(unit.clock_pj for unit in self.units) * self.clock_mhz / 1e3

    @property
    def idle_clock_mw(self) -> float:
        """The same with clock gates, none of which passes the clock."""
        return sum(unit.idle_clock_pj for unit in self.units) * self.clock_mhz / 1e3

    @property
    def extrapolated(self) -> tuple[str, ...]:
        """Features of parts that lie outside the range in which the figures were fitted or checked."""
        return tuple(feature for unit in self.units for feature in unit.extrapolated)

    def to_dict(self) -> dict:
        """Return the cost for JSON."""
        return {
            "area_mm2": self.area_mm2,
            "leakage_mw": self.leakage_mw,
            "clock_mw": self.clock_mw,
            "idle_clock_mw": self.idle_clock_mw,
            "area": {
                "process": self.process,
                "units": [asdict(unit) for unit in self.units],
                "not_counted": list(self.not_counted),
                "extrapolated": list(self.extrapolated),
            },
        }


def system_area(system: System) -> SystemArea | None:
    """Return the cost of the accelerator of a system; None if the system names no process.

    Raises
    ------
    ConfigError
        If no area was measured in the process.
    """
    if system.process is None:
        return None
    units = units_in(system.accelerator, system.process)
    lacks = {"NPE": system.npe is not None, "decoders of narrow weights": len(system.cim_array.tile.weight_formats) > 1}
    return SystemArea(system.process, system.clock_mhz, units, tuple(name for name, there in lacks.items() if there))


@lru_cache
def units_in(config: AcceleratorConfig, process: str) -> tuple[UnitCost, ...]:
    """Return the cost of each unit of an accelerator in a process.

    Raises
    ------
    ConfigError
        If no area was measured in the process.
    """
    model, clocks = load_area_model(process), load_clock_model(process)
    found = dict.fromkeys(UNITS, FlipFlops())
    for part in parts(config):
        found[part.unit] += part_flip_flops(part, model, clocks) * part.count
    return tuple(
        UnitCost(
            **vars(unit),
            gated_flip_flops=round(found[unit.unit].gated),
            clock_gates=round(found[unit.unit].gates),
            idle_clock_pj=found[unit.unit].idle_pj(model.clock_pj, clocks.gate_pj),
        )
        for unit in unit_areas(config, model)
    )
