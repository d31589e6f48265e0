"""Estimates: closed forms of what the compiler's programs take on many systems at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tilewright.base.errors import ConfigError

from .bounds import BOUNDS
from .designs import Designs
from .events import decode_events
from .machine import Machine, Number
from .measured import within_ranges
from .program import decode_program, expanded
from .resources import resource_cycles
from .results import Results
from .room import finds_room
from .schedule import decode_cycles
from .traffic import decode_traffic
from .work import Work, decode_work
from .workload import Workload

TIMING = ("clock_mhz", "memory.", "energy.", "fabric.outstanding", "fabric.max_burst")
"""Beginnings of the names of the fields that no program depends on."""


@dataclass(frozen=True, eq=False)
class Estimates(Results):
    """Results of one decode step for each design."""

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
    def tokens_per_s(self) -> np.ndarray:
        """Number of tokens that go through the model in a second."""
        return self.workload.tokens / self.seconds

    @cached_property
    def work(self) -> Work:
        """Work of the array and of the vector unit, in counts; exact."""
        return Work(**_untimed(self.designs, lambda machine: vars(decode_work(machine, self.workload))))

    @property
    def work_counts(self) -> Mapping[str, np.ndarray]:
        return self.work.counts(Machine(self.designs))

    @cached_property
    def events(self) -> Mapping[str, np.ndarray]:
        return _untimed(self.designs, lambda machine: decode_events(machine, self.workload))

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
