"""Area, leakage and clock energy of many designs in their process: those of :mod:`tilewright.sim.energy.area`.

What a unit costs follows from few fields. It is computed once for each combination of their values, by the functions
that compute it for single systems.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tilewright.sim.config import AcceleratorConfig
from tilewright.sim.energy.structure import CIM_MACROS, UNITS
from tilewright.sim.energy.system_area import units_in

from .designs import Designs
from .legality import MACRO, TILE

SUMS = (
    "cim.tiles", f"{TILE}.grid_rows", f"{TILE}.grid_columns", f"{TILE}.group_", f"{TILE}.max_shift", f"{MACRO}.",
    f"{TILE}.accumulator_bits",
)  # fmt: skip
"""Beginnings of the names of fields that say how many rows, columns and bits the array has."""
SIZE = (f"{MACRO}.rows", f"{MACRO}.columns", f"{MACRO}.input_bits", "cim.tiles", f"{TILE}.grid_rows",
        f"{TILE}.grid_columns", f"{TILE}.accumulator_bits")  # fmt: skip
WORD = ("vector.lanes",)
BUS = ("fabric.bus_bits", f"{TILE}.weight_bus_bits")
FIELDS: dict[str, tuple[str, ...]] = {
    CIM_MACROS: ("cim.tiles", f"{TILE}.grid_", f"{MACRO}."),
    "tiles": SUMS,
    "array": (*SUMS, *WORD, f"{TILE}.input_buffer_vectors"),
    "accumulators": (*SIZE, f"{TILE}.accumulator_vectors"),
    "array buffers": (
        *SIZE, f"{MACRO}.weight_", f"{TILE}.group_", f"{TILE}.activation_bus_bits", f"{TILE}.input_buffer_vectors",
        f"{TILE}.result_buffer_vectors",
    ),
    "weight buffer": (*BUS, "fabric.weight_buffer_beats"),
    "scratchpad": (*WORD, "fabric.banks", "vector.address_bits"),
    "vector unit": (*WORD, "vector.scalars"),
    "command processor": ("fabric.address_bits", "fabric.banks", "fabric.fetch_depth", "fabric.queue_depth", "npe"),
    "DMA and AXI": (*BUS, *WORD, "fabric.address_bits", "fabric.outstanding"),
}  # fmt: skip
"""Beginnings of the names of the fields from which the cost of each unit follows."""
COSTS = ("area_um2", "leakage_uw", "idle_clock_pj")
"""Attributes of a unit's cost that are looked up."""


@dataclass(frozen=True, eq=False)
class Areas:
    """Cost of many designs on chip, without NPE; of designs that are no valid systems it means nothing.

    The costs of the CIM macros stand apart: a system that names a published macro has its energies in their place.
    """

    area_mm2: np.ndarray
    """Area of cells and SRAM macros."""
    leakage_uw: np.ndarray
    """Leakage of all units but the CIM macros."""
    clock_pj: np.ndarray
    """Energy in a cycle in which nothing but the clock moves and no clock gate passes it, of all units but the CIM
    macros."""
    macros_leakage_uw: np.ndarray
    """Leakage of the CIM macros."""
    macros_clock_pj: np.ndarray
    """Energy of the CIM macros in such a cycle."""


def areas(designs: Designs, process: str) -> Areas:
    """Return the cost of designs that are around a base and in a process.

    Raises
    ------
    ConfigError
        If no area was measured in the process.
    """
    costs = {unit: _costs(designs, process, unit) for unit in UNITS}
    area, leakage, clock = (sum(costs[unit][at] for unit in UNITS) for at in range(len(COSTS)))
    _, macros_leakage, macros_clock = costs[CIM_MACROS]
    return Areas(area / 1e6, leakage - macros_leakage, clock - macros_clock, macros_leakage, macros_clock)


def _costs(designs: Designs, process: str, unit: str) -> Any:
    """Return the costs of a unit, a row for each of :data:`COSTS`, a column for each design."""
    others = [path for path in designs.fields if not path.startswith(FIELDS[unit])]
    found = np.full((len(COSTS), len(designs)), np.nan)
    legal = np.flatnonzero(designs.legal)
    if not len(legal):
        return found
    alike, places = designs.part(legal).alike(others)
    table = _table(designs.base.accelerator, process)
    each = np.empty((len(COSTS), len(alike)))
    for index in range(len(alike)):
        changes = alike.changes(index)
        key = _key(unit, changes)
        if key not in table:
            for own in units_in(designs.base.with_(changes).accelerator, process):
                table[_key(own.unit, changes)] = tuple(getattr(own, name) for name in COSTS)
        each[:, index] = table[key]
    found[:, legal] = each[:, places]
    return found


def _key(unit: str, changes: dict[str, Any]) -> tuple:
    """Return what decides the costs of a unit among designs around one base."""
    return unit, *sorted((path, value) for path, value in changes.items() if path.startswith(FIELDS[unit]))


@lru_cache(maxsize=4)
def _table(base: AcceleratorConfig, process: str) -> dict[tuple, tuple[float, ...]]:
    """Return the costs that are known for designs around a base."""
    return {}
