"""A mapping: everything about a program that the compiler may choose, as one object."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from .allocation import First

_STRICT = ConfigDict(extra="forbid")
_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Number = Annotated[int, Field(ge=0, le=1_000_000)]


class Order(StrEnum):
    """Order in which steps are emitted."""

    LIST = "list"
    """List schedule of the steps as they were lowered: each step comes when its engine is free first."""
    DEPTH_LIST = "depth-list"
    """List schedule of the depth-first order."""
    DEPTH = "depth"
    """Each step as late as its readers allow, so that few results wait at a time."""


class Split(StrEnum):
    """Rule for the tiles of the array that share a block of weights with constants."""

    COLUMNS = "columns"
    """The fewest blocks; if both ways need as many, tiles hold columns side by side."""
    SUMS = "sums"
    """The fewest blocks; if both ways need as many, tiles hold rows below one another, and their sums are added."""


@dataclass(frozen=True)
class Plan:
    """Use of the scratchpad by its tensors."""

    __pydantic_config__ = _STRICT

    keep: bool
    """Whether constants stay in the scratchpad."""
    rest: _Number
    """Number of operations for which bytes rest before they are written again, so that units need not wait."""
    first: First
    """Tensors that are placed first."""


WINDOW = 20
"""Number of steps by which a list schedule moves a step forward at most; a larger number would need more room."""
LOADED_AHEAD = 1
"""Number of products before a pass by which its constants are loaded ahead."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Choices for the steps of one loop of a program. None of them changes a bit of what the program leaves."""

    __pydantic_config__ = _STRICT

    order: Order | None = None
    """Order of the steps; by default the first order of :class:`Order` for which everything finds room."""
    window: _Count = WINDOW
    """Number of steps by which a list schedule moves a step forward at most."""
    ahead: _Number = LOADED_AHEAD
    """Number of products before a pass by which its constants are loaded ahead, if constants stay."""
    panels: _Count = 1
    """Part of a bank that the sums of a column panel fill at most, as its inverse."""
    plan: Plan | None = None
    """Use of the scratchpad; by default the first plan with room, see :mod:`.plan`."""


@dataclass(frozen=True, kw_only=True)
class MemoryLayout:
    """Choices that decide where weights and cache lie in main memory: all programs of a model share them."""

    __pydantic_config__ = _STRICT

    split: Split = Split.COLUMNS
    beside: _Count | None = None
    """Number of heads whose values lie side by side; by default the fewest with which rows take the fewest beats."""
    parts: _Count | None = None
    """Number of parts of the vocabulary; by default as few as a bank has room for the logits of."""


DEFAULT_LAYOUT = MemoryLayout()
NO_SCHEDULES: Dictionary[str, Schedule] = {}


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """All choices for the programs of one token or of a prompt; without arguments, those of the compiler."""

    __pydantic_config__ = _STRICT

    chunk: _Count | None = None
    """Number of tokens in a chunk of a prompt, or in a block of rows of an encoder; by default as equal ones as
    possible, as few as have room."""
    layout: MemoryLayout = DEFAULT_LAYOUT
    programs: tuple[Dictionary[str, Schedule], ...] = ()
    """Schedules of the loops of each program, by their names; those that are missing are the default."""

    def schedules(self, program: int) -> Dictionary[str, Schedule]:
        """Return the schedules of a program by its number."""
        return self.programs[program] if program < len(self.programs) else NO_SCHEDULES


DEFAULT_MAPPING = Mapping()
