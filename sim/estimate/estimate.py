"""Estimates: closed forms of what the compiler's programs take on many systems at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.config.figures import LEVELS

from .area import Areas, areas
from .bounds import BOUNDS
from .designs import Designs
from .energy import memory_pj, stated_pj
from .events import decode_events
from .machine import Machine, Number
from .measured import within_ranges
from .process_energy import process_pj
from .program import decode_program, expanded
from .resources import resource_cycles
from .room import finds_room
from .schedule import decode_cycles
from .traffic import decode_traffic
from .work import Work, decode_work
from .workload import Workload

TIMING = ("clock_mhz", "memory.", "energy.", "fabric.outstanding", "fabric.max_burst")
"""Beginnings of the names of the fields that no program depends on."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """Results for each design, as arrays; numbers of designs that are not legal, or do not fit, have no meaning."""

    designs: Designs
    workload: Workload
    legal: np.ndarray
    """Mask of the designs that are valid systems."""
    fits: np.ndarray
    """Mask of the designs that are legal, and for which the compiler finds room."""
    cycles: np.ndarray
    """Cycles of the run, float64."""
    read_bytes: np.ndarray
    """Bytes that are read from main memory, commands included, float64; exact."""
    written_bytes: np.ndarray
    """Bytes that are written to main memory, float64; exact."""

    @property
    def dram_bytes(self) -> np.ndarray:
        """Bytes moved in main memory."""
        return self.read_bytes + self.written_bytes

    @cached_property
    def measured(self) -> np.ndarray:
        """Mask of the designs that lie within the ranges over which the error was measured."""
        return within_ranges(self.workload, self.designs)

    @property
    def seconds(self) -> np.ndarray:
        """Time of the run."""
        return self.cycles / (self.designs.number("clock_mhz") * 1e6)

    @property
    def tokens_per_s(self) -> np.ndarray:
        """Number of tokens that go through the model in a second."""
        return self.workload.tokens / self.seconds

    @cached_property
    def work(self) -> Work:
        """Work of the array and of the vector unit, in counts; exact."""
        return Work(**_untimed(self.designs, lambda machine: vars(decode_work(machine, self.workload))))

    @cached_property
    def events(self) -> dict[str, np.ndarray]:
        """Counts of events on chip, by their names in :class:`tilewright.sim.energy.events.Counts`; exact."""
        return _untimed(self.designs, lambda machine: decode_events(machine, self.workload))

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
    def resources(self) -> dict[str, np.ndarray]:
        """Cycles for which each resource is at work, by the names of :data:`.bounds.BOUNDS`."""
        return _over(self.designs, lambda machine: resource_cycles(machine, self.workload))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the resources, in the order in which ``binding`` counts them."""
        return tuple(BOUNDS)

    @property
    def binding(self) -> np.ndarray:
        """Index, in ``names``, of the resource that is at work longest."""
        return np.argmax(np.stack([self.resources[name] for name in self.names]), axis=0)

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
                return memory + stated_pj(designs, level, self.work)
            return memory + process_pj(designs, self.process, level, self.events, self.areas, moved, cycles)


def estimate(workload: Workload, designs: Designs) -> Estimates:
    """Return the estimates of a workload on many designs.

    Raises
    ------
    ConfigError
        If the workload is a prompt, for which there is no closed form.
    """
    if workload.phase != "decode":
        raise ConfigError(f"phase = {workload.phase!r} is not allowed: estimates exist for decode")

    def results(machine: Machine) -> dict[str, Number]:
        # All but the cycles depends on few fields: it is computed once for designs that are alike in these.
        alike, places = machine.designs.alike(TIMING)
        shapes = Machine(alike)
        read, written = decode_traffic(shapes, workload)
        found = (decode_program(shapes, workload), finds_room(shapes, workload), read, written)
        program, fits, read, written = expanded(found, places)
        cycles = decode_cycles(machine, program)
        return {"fits": fits, "cycles": cycles, "read_bytes": read, "written_bytes": written}

    found = _over(designs, results)
    legal = designs.legal
    return Estimates(designs, workload, legal, **{**found, "fits": legal & (found["fits"] > 0)})


def _untimed(designs: Designs, compute: Callable[[Machine], dict[str, Number]]) -> dict[str, np.ndarray]:
    """Return arrays of results that no timing changes: computed once for designs that are alike but for timing."""

    def results(machine: Machine) -> dict[str, Number]:
        alike, places = machine.designs.alike(TIMING)
        found: dict[str, Number] = expanded(compute(Machine(alike)), places)
        return found

    return _over(designs, results)


def _over(designs: Designs, compute: Callable[[Machine], dict[str, Number]]) -> dict[str, np.ndarray]:
    """Return arrays of results, computed for some designs after the other."""
    found: dict[str, np.ndarray] = {}
    start = 0
    with np.errstate(all="ignore"):  # designs that are not legal divide by zero
        for part in designs.chunks():
            for name, values in compute(Machine(part)).items():
                found.setdefault(name, np.empty(len(designs)))[start : start + len(part)] = values
            start += len(part)
    return found
