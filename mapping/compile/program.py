"""A program during compilation: its sections, and the results of the passes so far."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command
from tilewright.sim.isa.descriptor import ADDRESSES, Descriptor
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES

from .arguments import Argument
from .blocks import Blocks
from .compiled import PaddedRows
from .engines.engine import Engines
from .mapping import Schedule
from .memory_map import MemoryMap
from .operations import Operations
from .survey import Survey


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """Steps that run several times, each time with constants and states of their own."""

    name: str
    lowered: Lowered
    count: int
    own: tuple[str, ...]
    """Beginnings of the names of constants and states that each run has for itself; all others are shared by all
    runs."""
    carried: bool = True
    """Whether the output of a run is the input of the next run. Otherwise all runs have the same input, the last rows
    that the loop before has left, and outputs of their own."""
    layers: tuple[int, ...] = ()
    """Numbers of a decoder's layers in the first run; each run after it has as many layers, which follow."""
    blocks: Blocks | None = None
    """Blocks of the cache if the loop serves every position."""
    schedule: Schedule = field(default_factory=Schedule)


class Region(NamedTuple):
    """A part of main memory of which each run of a loop has its own."""

    kind: str
    """Kind of data: constants, states or output."""
    first: int
    """First address of the first run; of states, of their first block."""
    end: int
    per_run: int
    """Bytes to the next run."""
    per_block: int
    """Bytes to the next block of the cache."""


@dataclass
class Section:
    """Steps that are compiled together: all of a program or, as a :class:`LoopSection`, the steps that a loop
    repeats."""

    lowered: Lowered
    schedule: Schedule = field(default_factory=Schedule, kw_only=True)
    """Choices for the steps."""
    survey: Survey = field(init=False)
    """Uses of the section's buffers, and their places in main memory."""
    operations: Operations = field(init=False)
    """Operations of the units, with all places in the scratchpad."""

    def jobs(self) -> Iterator[tuple[int, Descriptor]]:
        """Yield the jobs of the NPE with the addresses of their descriptors."""
        for index, job in enumerate(self.operations.jobs):
            yield self.survey.jobs_address + index * DESCRIPTOR_BYTES, job


@dataclass
class LoopSection(Section):
    """Steps that a loop repeats."""

    loop: Repeated = field(kw_only=True)
    regions: tuple[Region, ...] = ()
    """Parts of main memory that each run has for itself."""

    def jobs(self) -> Iterator[tuple[int, Descriptor]]:
        """Yield the jobs of all runs, and of all blocks of the cache."""
        blocks = self.loop.blocks.count if self.loop.blocks else 1
        for (address, job), run, block in itertools.product(super().jobs(), range(self.loop.count), range(blocks)):
            moved = {name: self._moved(getattr(job, name), run, block) for name in ADDRESSES}
            yield self._moved(address, run, block), replace(job, **moved)

    def _moved(self, address: int, run: int, block: int) -> int:
        """Return an address of the first run and block in another run and block."""
        for region in self.regions:
            if region.first <= address < region.end:
                return address + run * region.per_run + block * region.per_block
        return address


@dataclass
class Program:
    """Sections that run one after the other."""

    config: AcceleratorConfig
    engines: Engines
    memory: MemoryMap
    sections: Sequence[Section]
    carried: PaddedRows | None = None
    """Place of the data that a loop leaves for the next run and for the next loop; at first, the input."""
    commands: list[Command] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)
    """Words of commands that depend on the position."""
    shared_places: list[range] = field(default_factory=list)
    """Addresses that commands reach through different address registers."""
    address: int = -1
    """First byte of the program in main memory."""
