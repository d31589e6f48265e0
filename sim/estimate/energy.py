"""Energy of many designs, from the counts of their work and the figures that :mod:`tilewright.sim.energy` uses."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tilewright.sim.config.dram import DramKind, dram_names, load_dram
from tilewright.sim.config.figures import Levels
from tilewright.sim.config.published_macro import load_published_macro, published_macro_names

from .designs import Designs
from .legality import up, weights_of
from .machine import Number

BIT, BACKGROUND = "memory.energy_pj_per_bit", "memory.background_mw"


def memory_pj(designs: Designs, level: str, dram_bytes: Number, cycles: Number) -> Number:
    """Return the energy of main memory in pJ."""
    return dram_bytes * 8 * bit_pj(designs, level) + cycles * background_pj(designs, level)


def stated_pj(designs: Designs, level: str, events: Mapping[str, Number]) -> Number:
    """Return the energy of the events on chip by the figures that systems state, in pJ.

    Parameters
    ----------
    events : mapping
        Counts by their names in :class:`tilewright.sim.energy.events.Counts`.
    """
    number = designs.number
    return (
        events["macs"] * mac_pj(designs, level)
        + events["weight_bits"] * number("energy.weight_write_pj_per_bit")
        + events["activation_bits"] * number("energy.activation_read_pj_per_bit")
        + events["vector_elements"] * number("energy.vector_element_pj")
    )


def mac_pj(designs: Designs, level: str) -> Number:
    """Return the energy of a multiply-accumulate: what the system states, or that of the published macro it names."""
    return published_mac_pj(designs, level) if names_macro(designs) else designs.number("energy.mac_pj")


def names_macro(designs: Designs) -> bool:
    """Return whether designs have a published macro in place of our own."""
    return "energy.macro" in designs.fields or designs.field("energy.macro") is not None


def published_mac_pj(designs: Designs, level: str) -> Number:
    """Return the energy of a multiply-accumulate of the published macro that designs name."""

    def figure(name: str | None) -> float:
        known = name in published_macro_names()
        return getattr(load_published_macro(str(name)).pj_per_bit_pair, level).value if known else math.nan

    pairs = weights_of(designs, "count_bits") * designs.number("cim.tile.macro.input_bits")
    return designs.looked_up("energy.macro", figure) * pairs


def bit_pj(designs: Designs, level: str) -> Number:
    """Return the energy of a bit that moves: what the system states, or the figure of its kind of DRAM."""
    stated = _stated(designs, BIT, level)
    return _of_kind(designs, lambda dram: getattr(dram.pj_per_bit, level).value) if stated is None else stated


def background_pj(designs: Designs, level: str) -> Number:
    """Return the energy that memory takes in a cycle whether bits move or not."""
    per_cycle = 1000 / designs.number("clock_mhz")
    stated = _stated(designs, BACKGROUND, level)
    if stated is not None:
        return stated * per_cycle
    device = _of_kind(designs, lambda dram: getattr(dram.background_mw, level).value, 0.0)
    return device * device_count(designs) * per_cycle


def device_count(designs: Designs) -> Number:
    """Return the number of devices of memory: what the system states, or the fewest that have its bandwidth."""
    if designs.field("memory.devices") is not None:
        return designs.number("memory.devices")
    rate = _of_kind(designs, lambda dram: dram.device_mb_per_s.value, math.inf)
    return np.maximum(1.0, up(designs.number("memory.bandwidth_mb_per_s") * 0.999, rate))


def _of_kind(designs: Designs, figure: Callable[[DramKind], float], unknown: float = math.nan) -> Number:
    return designs.looked_up("memory.kind", lambda kind: figure(load_dram(kind)) if kind in dram_names() else unknown)


def _stated(designs: Designs, path: str, level: str) -> Number:
    """Return the figure that systems state, None if they state none."""
    if f"{path}.{level}" in designs.fields:
        return designs.number(f"{path}.{level}")
    value: Any = designs.field(path)
    if isinstance(value, Levels):
        return float(getattr(value, level))
    return None if value is None else designs.number(path)
