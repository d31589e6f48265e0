"""Estimates of prompts and of encoders: each program that the compiler makes is replayed for all designs that run it.

The program depends on what a design is made of, and not on its clock, its memory, and its bursts in flight. So the
compiler decides about room itself, and only the cycles are estimated.
"""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.mapping import Mapping
from tilewright.mapping.explore.space import ModelRun, Space
from tilewright.mapping.map import compile_chunks
from tilewright.mapping.work import Work
from tilewright.sim.config import AcceleratorConfig, System
from tilewright.sim.energy.events import NUMBERS, Counts
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.estimate import TIMING
from tilewright.sim.estimate.machine import Machine
from tilewright.sim.estimate.program_counts import program_counts
from tilewright.sim.estimate.replay import replay
from tilewright.sim.estimate.results import Results
from tilewright.sim.isa.commands import Command

MOST_PROGRAMS = 500
"""Number of designs that differ in more than timing above which prompts are not estimated: each is compiled."""


@dataclass(frozen=True)
class _Programs:
    """Programs of the chunks of a prompt, or of an encoder, and what they take together."""

    config: AcceleratorConfig
    commands: tuple[Sequence[Command], ...]
    counts: Counts


@dataclass(frozen=True, eq=False)
class PromptResults(Results):
    """Results of a prompt, or of an encoder, for each design."""

    designs: Designs
    fits: np.ndarray
    cycles: np.ndarray
    counts: Dictionary[str, np.ndarray]
    """Counts of events, by their names in :class:`tilewright.sim.energy.events.Counts`."""

    @property
    def dram_bytes(self) -> np.ndarray:
        return self.counts["memory_bytes"]

    @property
    def work_counts(self) -> Dictionary[str, np.ndarray]:
        return self.counts

    @property
    def events(self) -> Dictionary[str, np.ndarray]:
        return self.counts


@dataclass(frozen=True, eq=False)
class PromptEstimates:
    """Estimates a prompt or an encoder; programs are kept for the designs that follow."""

    run: ModelRun
    _programs: dict[tuple, _Programs | None] = field(default_factory=dict)

    def __call__(self, designs: Designs) -> PromptResults:
        """Return the results of designs."""
        cycles, fits = np.full(len(designs), np.nan), np.zeros(len(designs), bool)
        events = {name: np.full(len(designs), np.nan) for name in NUMBERS}
        legal = np.flatnonzero(designs.legal)
        if len(legal):
            alike, places = designs.part(legal).alike(TIMING)
            for index in range(len(alike)):
                same = legal[places == index]
                programs = self._of(alike, index)
                if programs is None:
                    continue
                fits[same] = True
                machine = Machine(designs.part(same))
                cycles[same] = sum(replay(programs.config, commands, machine) for commands in programs.commands)
                for name in NUMBERS:
                    events[name][same] = getattr(programs.counts, name)
        return PromptResults(designs, fits, cycles, events)

    def _of(self, designs: Designs, index: int) -> _Programs | None:
        """Return the programs of a design, None if it is refused."""
        key = tuple(item for item in designs.changes(index).items() if not item[0].startswith(TIMING))
        if key not in self._programs:
            try:
                self._programs[key] = _compiled(self.run, designs.system(index))
            except ConfigError:
                self._programs[key] = None
        return self._programs[key]


def _compiled(run: ModelRun, system: System) -> _Programs:
    """Return the programs of a prompt or of an encoder, as :func:`tilewright.mapping.map.map_model` compiles them.

    Raises
    ------
    ConfigError
        If the model or a token has no room.
    """
    work, config = Work(model=run.model, system=system, phase=run.phase, context=run.context), system.accelerator
    work.check()
    size, _ = work.default_chunk
    commands = tuple(program.commands for program in compile_chunks(work, size, Mapping()))
    counts = Counts()
    for each in commands:
        counts.add(program_counts(config, each))
    return _Programs(config, commands, counts)


def programs_of(space: Space) -> int:
    """Return how many designs of a space may differ in more than timing, legal or not."""
    timed = {path for path in space.choices if path.startswith(TIMING)}
    for path, formula in space.dependent.items():
        if not path.startswith(TIMING):
            timed -= set(formula.names)
    return int(np.prod([len(values) for path, values in space.choices.items() if path not in timed], dtype=float))
