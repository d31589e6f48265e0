"""Energy of a multiply-accumulate of the SIMD MAC in a process, by its format: measured with cells of our own RTL."""

from functools import cache
from typing import Annotated

from pydantic import Field, field_validator

from tilewright.sim.formats.simd import ALL_MODES, Mode

from .base import Frozen
from .load import load_description
from .process import FOLDER, process_file

FILE = "mac_energy.toml"
"""File of a process that has the energies."""


class MacEnergies(Frozen):
    """Energy of a multiply-accumulate in each format, with the clock of the MAC, which no gate stops, in pJ."""

    source: Annotated[str, Field(min_length=1)]
    """Process, tools with their versions, and page that says how the energies were measured."""
    pj: dict[str, Annotated[float, Field(ge=0, le=1e6)]]
    """Energy by the name of the format of both operands."""

    @field_validator("pj")
    @classmethod
    def _every_mode(cls, energies: dict[str, float]) -> dict[str, float]:
        labels = [mode.label for mode in ALL_MODES]
        if sorted(energies) != sorted(labels):
            raise ValueError(f"must have one energy for each of {', '.join(labels)}")
        return energies

    def of(self, mode: Mode) -> float:
        """Return the energy of a multiply-accumulate in a format, in pJ."""
        return self.pj[mode.label]


@cache
def mac_energies(process: str) -> MacEnergies:
    """Return the energies of a process.

    Raises
    ------
    ConfigError
        If there is no such process, or nothing was measured in it.
    """
    return load_description(MacEnergies, process_file(process, FILE), FOLDER, "energies")
