"""Results of a run on many designs: cycles and counts, and what follows from them: time, area, energy."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.config.figures import LEVELS

from .area import Areas, areas
from .designs import Designs
from .energy import memory_pj, stated_pj
from .process_energy import process_pj


class Results(ABC):
    """Results for each design, as arrays; numbers of designs that are not legal, or do not fit, have no meaning."""

    designs: Designs
    fits: np.ndarray
    """Mask of the designs that are legal, and for which the compiler finds room."""
    cycles: np.ndarray
    """Cycles of the run, float64."""

    @property
    @abstractmethod
    def dram_bytes(self) -> np.ndarray:
        """Bytes moved in main memory."""

    @property
    @abstractmethod
    def work_counts(self) -> Mapping[str, np.ndarray]:
        """Counts of the events whose energies systems state, by their names in :mod:`tilewright.sim.energy.events`."""

    @property
    @abstractmethod
    def events(self) -> Mapping[str, np.ndarray]:
        """Counts of events on chip, by their names in :class:`tilewright.sim.energy.events.Counts`; exact."""

    @property
    def seconds(self) -> np.ndarray:
        """Time of the run."""
        return self.cycles / (self.designs.number("clock_mhz") * 1e6)

    @property
    def process(self) -> str | None:
        """Process of all designs, if they name one.

        Raises
        ------
        ConfigError
            If they differ in it.
        """
        process = self.designs.field("process")
        if isinstance(process, np.ndarray):
            first, *others = np.unique(process)
            if others:
                raise ConfigError(
                    f"process = {first}, {others[0]} is not allowed: areas and energies are estimated in one process"
                )
            return str(first)
        assert process is None or isinstance(process, str)
        return process

    @cached_property
    def areas(self) -> Areas:
        """Area, leakage and clock of the designs in their process.

        Raises
        ------
        ConfigError
            If designs name no process, or differ in it.
        """
        if self.process is None:
            raise ConfigError(f"{self.designs.base.name}: process is missing: areas are those of a process")
        return areas(self.designs, self.process)

    @cached_property
    def energy_pj(self) -> dict[str, np.ndarray]:
        """Energy by the ``low``, ``mid`` and ``high`` figures that :mod:`tilewright.sim.energy` uses.

        Raises
        ------
        ConfigError
            If designs differ in their process, or nothing was measured in it.
        """
        return {level: self.energy_at(level) for level in LEVELS}

    def energy_at(self, level: str) -> np.ndarray:
        """Return the energy by the figures of one level, in pJ."""
        designs, moved, cycles = self.designs, self.dram_bytes, self.cycles
        with np.errstate(all="ignore"):  # designs that are not legal
            memory: np.ndarray = memory_pj(designs, level, moved, cycles)
            if self.process is None:
                return memory + stated_pj(designs, level, self.work_counts)
            return memory + process_pj(designs, self.process, level, self.events, self.areas, moved, cycles)
