"""Kinds of DRAM: what a bit costs, and what the memory takes while it moves none."""

from functools import cache
from typing import Self

from pydantic import model_validator

from .base import Frozen
from .figures import Amount, Figure, FigureRange
from .load import PRESETS, load_description, preset_names

FOLDER = PRESETS / "memory"


class BitEnergy(Figure):
    """Energy of a bit, in pJ; array and interface are stated apart where the source has both."""

    array: Amount | None = None
    """Energy of the bit inside the memory."""
    interface: Amount | None = None
    """Energy of the bit on its way between memory and accelerator."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.array is None) != (self.interface is None):
            raise ValueError("array and interface must be stated together or not at all")
        if (
            self.array is not None
            and self.interface is not None
            and abs(self.array + self.interface - self.value) > 1e-9
        ):
            raise ValueError(
                f"value = {self.value:g} is not allowed: array and interface add up to {self.array + self.interface:g}"
            )
        return self


class BitEnergyRange(FigureRange):
    """Low, middle and high energy of a bit."""

    low: BitEnergy
    mid: BitEnergy
    high: BitEnergy


class DramKind(Frozen):
    """One kind of DRAM. A device is what has an interface of its own: a die, a chip or a stack."""

    description: str
    """Data rate and device of the kind."""
    device_mb_per_s: Figure
    """Peak rate of one device, in 10^6 bytes a second."""
    pj_per_bit: BitEnergyRange
    """Energy of a bit that is read or written."""
    background_mw: FigureRange
    """Power of one device that does not depend on the bits moved."""


@cache
def dram_names() -> list[str]:
    """Return the names of the kinds of DRAM whose figures come with Tilewright."""
    return preset_names(FOLDER)


@cache
def load_dram(name: str) -> DramKind:
    """Return the kind of DRAM of a name.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    return load_description(DramKind, name, FOLDER, "kind of DRAM")
