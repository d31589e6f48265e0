"""The best schedule of one loop: bounds first, then the exact model runs what they leave.

Between loops a fence waits for all units, and all data that a loop hands on lies in main memory, where the layout says.
So a loop leaves the same state behind whatever its schedule, and of two schedules the slower one is in no best mapping.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.allocation import NOWHERE
from tilewright.mapping.compile.compiler import commands_of, engines_of, prepared
from tilewright.mapping.compile.mapping import Order, Plan, Schedule, Split
from tilewright.mapping.compile.operations import Operations
from tilewright.mapping.compile.plan import emitted, in_order, place_operations
from tilewright.mapping.compile.program import Program, Repeated
from tilewright.mapping.lower.lowering import Lowered
from tilewright.mapping.map import memory_timing, npe_memory_timing
from tilewright.sim.config import System
from tilewright.sim.machine.accelerator.accelerator import run_commands

from .least_time import least_run_cycles, place_apart
from .space import Space


@dataclass
class Counts:
    """Schedules that a search has gone through, by what became of them."""

    schedules: int = 0
    bounded: int = 0
    """Number of those whose bound is no less than the cycles of a schedule that was run."""
    alike: int = 0
    """Number of those whose program is that of another one."""
    refused: int = 0
    """Number of those for which the scratchpad has no room."""
    run: int = 0

    def add(self, other: "Counts") -> None:
        """Add the counts of another search."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass(frozen=True)
class Best:
    """The best schedule of a loop, with its cycles, run alone."""

    schedule: Schedule
    cycles: int


@dataclass(frozen=True)
class _Candidate:
    """Schedules that differ in their plans alone."""

    bound: float
    schedule: Schedule
    plans: tuple[Plan, ...]
    program: Program
    operations: Operations


class LoopSearch:
    """Search of a loop's schedules."""

    def __init__(self, system: System, loop: Repeated, split: Split, space: Space):
        self.system, self.loop, self.space = system, loop, space
        self.engines = engines_of(system.accelerator, split)
        self.counts = Counts()
        self._programs: dict[int, Program] = {}
        self._orders: dict[tuple[int, Order, int], Lowered] = {}
        self._too_large: set[int] = set()
        """Panels with which a tensor is larger than a bank, whatever the order of steps."""
        self.candidates = sorted(self._all(), key=lambda each: each.bound)
        self.least = self.candidates[0].bound if self.candidates else math.inf
        """Cycles below which no schedule ends; infinity if none has room."""

    def best(self, below: float = math.inf, *, begin: int = 0, prune: bool = True) -> Best | None:
        """Return the best schedule, if one takes fewer cycles than a number.

        Parameters
        ----------
        begin : int
            Cycles for which main memory has run before the loop.
        prune : bool
            Whether to leave out what cannot be the best by its bound.
        """
        found: Best | None = None
        while self.candidates and not (prune and self.candidates[0].bound >= below):
            each = self.candidates.pop(0)
            for plan, cycles in self.cycles(each, begin):
                if cycles < below:
                    below, found = cycles, Best(replace(each.schedule, plan=plan), cycles)
        return found

    def leave(self) -> None:
        """Leave out the schedules that have not been run: by their bounds, or by those of other loops."""
        self.counts.bounded += sum(len(each.plans) for each in self.candidates)
        self.candidates.clear()

    def cycles(self, candidate: _Candidate, begin: int = 0) -> Iterator[tuple[Plan, int]]:
        """Yield the cycles of a candidate, in front of which memory has run, with each plan for which there is room."""
        operations = candidate.operations
        # As in :func:`.plan.planned`: addresses decide in how large pieces rows are stored.
        for tensor in operations.tensors:
            tensor.address = NOWHERE
        operations.estimate_uses()
        seen = set()
        for plan in candidate.plans:
            try:
                place_operations(self.system.accelerator, operations, plan)
            except ConfigError:
                self.counts.refused += 1
                continue
            places = (
                *(each.address for each in operations.tensors),
                *(each.slot for each in operations.scalars.slots.values()),
            )
            if places in seen:
                self.counts.alike += 1
                continue
            seen.add(places)
            self.counts.run += 1
            yield plan, self._exact(candidate.program, operations, begin)

    def _exact(self, program: Program, operations: Operations, begin: int) -> int:
        """Return the cycles of the loop alone, with its operations in their places."""
        [section] = program.sections
        section.operations = operations
        run = run_commands(
            self.system.accelerator, commands_of(program), memory_timing(self.system, begin),
            npe_timing=npe_memory_timing(self.system, begin), descriptor_at=dict(section.jobs()).__getitem__,
        )  # fmt: skip
        if run.error:
            raise RuntimeError(f"{run.error.name} at command {run.index}")
        return run.cycles

    def _all(self) -> Iterator[_Candidate]:
        """Yield the candidates, each once."""
        config, engines = self.system.accelerator, self.engines
        seen: set[tuple] = set()
        for panels in self.space.panels:
            for order, window in self.space.orders_and_windows():
                for keep, ahead, plans in self.space.loads():
                    schedule = Schedule(order=order, window=window, ahead=ahead, panels=panels)
                    self.counts.schedules += len(plans)
                    if panels in self._too_large:
                        self.counts.refused += len(plans)
                        continue
                    try:
                        program = self._program(panels)
                        [section] = program.sections
                        lowered = self._in_order(program, order, window)
                        operations = emitted(config, engines, section.survey, lowered, keep=keep, ahead=ahead)
                    except ConfigError:
                        self.counts.refused += len(plans)
                        continue
                    if any(tensor.bytes > config.bank_bytes for tensor in operations.tensors):
                        self._too_large.add(panels)
                        self.counts.refused += len(plans)
                        continue
                    place_apart(operations)
                    key = (keep, tuple(map(id, lowered.steps)), tuple(operations.commands()))
                    if key in seen:
                        self.counts.alike += len(plans)
                        continue
                    seen.add(key)
                    yield _Candidate(self._bound(operations), schedule, plans, program, operations)

    def _program(self, panels: int) -> Program:
        """Return the loop with its products in panels, and all places in main memory; made once.

        Raises
        ------
        ConfigError
            If something finds no room in main memory, or no engine can run a step.
        """
        if panels not in self._programs:
            loop = replace(self.loop, schedule=Schedule(panels=panels))
            made = prepared(self.system.accelerator, loop, self.engines)
            alike = [each for each in self._programs.values() if each.sections[0].lowered == made.sections[0].lowered]
            self._programs[panels] = alike[0] if alike else made
        return self._programs[panels]

    def _in_order(self, program: Program, order: Order, window: int) -> Lowered:
        """Return the steps of a program in an order; made once, and the same object if two orders are alike."""
        key = id(program), order, window
        if key not in self._orders:
            self._orders[key] = in_order(self.engines, program.sections[0].survey.lowered, order, window)
        return self._orders[key]

    def _bound(self, operations: Operations) -> float:
        """Return cycles below which the loop does not end: before each further run commands are fetched anew."""
        system, count = self.system, self.loop.count
        again = system.memory_timing["latency"]
        return count * least_run_cycles(system, operations) + (count - 1) * again
