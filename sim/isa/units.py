"""The units of the accelerator."""

from enum import IntEnum, IntFlag
from typing import Self

from tilewright.sim.config.accelerator import AcceleratorConfig


class Unit(IntEnum):
    """A unit executes its commands in order, beside the other units."""

    label: str
    """Name of the unit, for people."""

    def __new__(cls, value: int, label: str) -> Self:
        unit = int.__new__(cls, value)
        unit._value_, unit.label = value, label
        return unit

    LOAD = 0, "load"
    ARRAY = 1, "CIM array"
    """The CIM array, if the accelerator has one."""
    VECTOR = 2, "vector unit"
    STORE = 3, "store"
    NPE = 4, "NPE"
    """The NPE, if the accelerator has one."""


class Units(IntFlag):
    """A set of units."""

    NONE = 0
    LOAD = 1
    ARRAY = 2
    VECTOR = 4
    STORE = 8
    NPE = 16


def units_of(config: AcceleratorConfig) -> tuple[Unit, ...]:
    """Return the units that an accelerator has."""
    absent = {Unit.ARRAY} if config.cim is None else {Unit.NPE} if config.npe is None else set()
    return tuple(unit for unit in Unit if unit not in absent)


def signal_bits(config: AcceleratorConfig) -> int:
    """Return the number of bits that name the units of an accelerator: up to the unit of the highest number."""
    return units_of(config)[-1] + 1
