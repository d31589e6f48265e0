"""A program during compilation: its sections, and the results of the passes so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command

from .arguments import Argument
from .blocks import Blocks
from .compiled import PaddedRows
from .engines.engine import Engines
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
    survey: Survey = field(init=False)
    """Uses of the section's buffers, and their places in main memory."""
    operations: Operations = field(init=False)
    """Operations of the units, with all places in the scratchpad."""


@dataclass
class LoopSection(Section):
    """Steps that a loop repeats."""

    loop: Repeated = field(kw_only=True)
    regions: tuple[Region, ...] = ()
    """Parts of main memory that each run has for itself."""


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
