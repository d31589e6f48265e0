"""Search of the mapping with which a model runs fastest on a system, optimal for its estimate.

The estimate of a mapping is the sum of the cycles of its loops, each alone on the exact model, with one start and end
for each program: between loops a fence waits for all units, and data that they hand on lies in main memory, so that
loops hardly see each other. But refreshes and turns of memory go on from loop to loop: each finds memory as it is when
the fastest loops before it have ended. Then the best mapping runs as a whole on the exact model, beside the compiler's
default, and the faster of the two is the result.

Nothing is left out but for one of these reasons:

- bound: every chunk of a prompt, and every block of rows of an encoder, loads all weights of all layers, so that a
  number of chunks takes no fewer cycles than memory needs for as many times these bytes; and no schedule takes fewer
  than :func:`.least_time.least_run_cycles`;
- dominance: a loop leaves the same state behind whatever its schedule, so that the slower of two schedules is in no
  best mapping; and of schedules with one program, one is run;
- room: a tensor of a larger chunk is no smaller, so that no chunk beyond one with a tensor larger than a bank has room.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.mapping import DEFAULT_LAYOUT, Mapping, MemoryLayout, Schedule, Split
from tilewright.mapping.compile.program import Repeated
from tilewright.mapping.compile.whole_model import LAYERS, head_parts, model_loops
from tilewright.mapping.lower.fit_heads import allowed_beside, fit_heads
from tilewright.mapping.map import compile_chunks, memory_timing, run_program
from tilewright.mapping.models.llama import HEAD
from tilewright.mapping.models.phases import DECODE
from tilewright.mapping.work import Work
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.isa.commands import End
from tilewright.sim.machine.accelerator.accelerator import run_commands

from .loop_search import Best, Counts, LoopSearch
from .space import PROMPT_SPACE, TOKEN_SPACE, Space


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The result of a search."""

    mapping: Mapping
    """The faster of the best mapping and the default, as whole programs on the exact model."""
    mappings: int
    """Number of mappings in the space."""
    counts: Counts
    """Schedules of all loops, by what became of them."""
    chunk_sizes: int
    """Number of sizes of chunks of a prompt, or of blocks of rows of an encoder, in the space."""
    bounded_chunk_sizes: int
    """Number of those that were left out by the bytes of weights alone, all layouts and schedules with them."""
    estimate_cycles: int
    """Estimate of the best mapping."""
    best_cycles: int
    """Cycles of the best mapping on the exact model."""
    default_cycles: int
    """Cycles of the default mapping on the exact model."""

    @property
    def cycles(self) -> int:
        """Cycles of the mapping that is the result."""
        return min(self.best_cycles, self.default_cycles)

    @property
    def gap(self) -> float:
        """Estimate of the best mapping against its run, as a fraction of the run."""
        return self.estimate_cycles / self.best_cycles - 1

    @property
    def gain(self) -> float:
        """Part of the default's cycles that the result saves."""
        return 1 - self.cycles / self.default_cycles

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the search, for JSON."""
        return {
            "mappings": self.mappings, **vars(self.counts), "chunk_sizes": self.chunk_sizes,
            "bounded_chunk_sizes": self.bounded_chunk_sizes, "estimate_cycles": self.estimate_cycles,
            "best_cycles": self.best_cycles, "default_cycles": self.default_cycles, "gap": self.gap, "gain": self.gain,
        }  # fmt: skip


def search(work: Work, space: Space | None = None, *, prune: bool = True) -> Searched:
    """Return the mapping of a space with which a model runs fastest.

    Parameters
    ----------
    space : Space, optional
        By default :data:`.TOKEN_SPACE` for a token and :data:`.PROMPT_SPACE` for a prompt or an encoder.
    prune : bool
        Whether to leave out what cannot be better by its bound; otherwise all schedules with a program of their own
        are run.

    Raises
    ------
    ConfigError
        If the system has no room for the model, or there are products on the NPE, which the bound does not know.
    """
    work.check()
    if any(operator.engine is Engine.NPE for operator in work.graph):
        raise ConfigError("products on the NPE are not allowed: a mapping is searched for the CIM array alone")
    default = sum_of_runs(work, Mapping())
    found = _Search(work, space or (TOKEN_SPACE if work.phase == DECODE else PROMPT_SPACE), prune)
    best = found.run()
    return Searched(
        mapping=best if (exact := sum_of_runs(work, best)) < default else Mapping(),
        mappings=found.mappings,
        counts=found.counts,
        chunk_sizes=len(found.sizes),
        bounded_chunk_sizes=found.bounded_sizes,
        estimate_cycles=int(found.least),
        best_cycles=exact,
        default_cycles=default,
    )


def sum_of_runs(work: Work, mapping: Mapping) -> int:
    """Return the cycles of all programs with a mapping, on the exact model."""
    size = mapping.chunk or work.default_chunk[0]
    return sum(run_program(work.system, each).cycles for each in compile_chunks(work, size, mapping))


@dataclass
class _Search:
    """A search under way."""

    work: Work
    space: Space
    prune: bool
    counts: Counts = field(default_factory=Counts)
    mappings: int = 0
    bounded_sizes: int = 0
    least: float = math.inf
    """Estimate of the best mapping so far."""
    best: Mapping | None = None
    heads: dict[tuple[Split, int], tuple[int, Best] | None] = field(default_factory=dict)
    """Best numbers of parts of the vocabulary, and the schedules for them, by the cycles for which memory has run
    before; 0 if memory does not pause."""

    def run(self) -> Mapping:
        """Return the mapping with the lowest estimate.

        Raises
        ------
        ConfigError
            If there is no room for any.
        """
        for size in self.sizes:
            chunks, layouts = divide_up(self.work.tokens, size), self._layouts
            graphs = self.work.chunks(size)
            schedules = self.space.schedules
            heads = (self.space.more_parts + 1) * schedules if self._has_head else 1
            self.mappings += len(layouts) * schedules ** (len(graphs) * self._layer_loops) * heads
            if self.prune and chunks * self._weight_cycles >= self.least:
                self.bounded_sizes += 1
                continue
            for layout in layouts:
                self._layout(size, layout, graphs)
        if self.best is None:
            raise ConfigError("no mapping of the space finds room")
        return self.best

    @cached_property
    def sizes(self) -> list[int]:
        """Sizes of chunks, or of blocks of rows, the largest first: the smallest size for each number of them, and the
        default."""
        tokens = self.work.tokens
        if self.work.phase == DECODE:
            return [tokens]
        step = self.work.rows_step
        sizes = {min(tokens, divide_up(divide_up(tokens, chunks), step) * step) for chunks in range(1, tokens + 1)}
        return sorted(sizes | {self.work.default_chunk[0]}, reverse=True)

    @property
    def _has_head(self) -> bool:
        """Whether logits follow the last layer."""
        return bool(self.work.graph.of(Kind.LOGITS))

    @cached_property
    def _layer_loops(self) -> int:
        """Number of loops over layers in a program."""
        loops = self._loops(self.work.graph, DEFAULT_LAYOUT, self.work.default_chunk[0])
        return len([loop for loop in loops if loop.name != HEAD])

    @cached_property
    def _weight_cycles(self) -> float:
        """Cycles in which main memory delivers the weights of all layers once."""
        return self._read_cycles(each for each in self.work.graph.of(Kind.MATMUL) if each.layer is not None)

    def _read_cycles(self, products: Iterable[Operator]) -> float:
        system = self.work.system
        return float(sum(each.read_bytes for each in products) / system.memory.bytes_per_cycle(system.clock_mhz))

    @cached_property
    def _layouts(self) -> list[MemoryLayout]:
        """Layouts of weights and cache; heads lie side by side for single tokens, see :func:`.fit_heads.fit_heads`."""
        config = self.work.system.accelerator
        splits = self.space.splits if config.cim_array.tiles > 1 else self.space.splits[:1]
        beside: Sequence[int | None] = (None,)
        if self.work.phase == DECODE:
            graph = fit_heads(config, self.work.graph)
            [weighted, *_] = graph.of(Kind.WEIGHTED_SUM)
            values = graph[weighted.inputs[1]]
            beside = allowed_beside(config, values.n, values.heads)
        return [MemoryLayout(split=split, beside=each) for split in splits for each in beside]

    @cached_property
    def _pauses(self) -> bool:
        """Whether memory has refreshes or turns, so that the cycle in which a loop begins matters."""
        return memory_timing(self.work.system).pauses

    def _start_and_end(self, begin: int = 0) -> int:
        """Return the cycles of a program without commands; memory has run for ``begin`` cycles before it."""
        system = self.work.system
        return run_commands(system.accelerator, [End()], memory_timing(system, begin)).cycles

    @cached_property
    def _most_start_and_end(self) -> int:
        """Cycles of such a program at most, whatever memory has been doing."""
        timing = self.work.system.memory_timing
        pauses = ("refresh_cycles", "read_to_write", "write_cycles", "write_to_read")
        return self._start_and_end() + sum(timing[each] for each in pauses)

    def _begin(self, ended: int) -> int:
        """Return for how long memory has run before a loop alone, which then goes on where others have ended.

        Parameters
        ----------
        ended : int
            Cycles of the other loops, with a start and an end; 0 if there are none.
        """
        if not self._pauses:
            return max(ended - self._start_and_end(), 0)
        # The latest start after which a program without commands has ended by then.
        return max(bisect_right(range(ended), ended, key=lambda begin: begin + self._start_and_end(begin)) - 1, 0)

    def _loops(self, graph: Graph, layout: MemoryLayout, size: int) -> list[Repeated]:
        return model_loops(self.work.system.accelerator, graph, layout=layout, rows=self.work.rows(size))

    def _layout(self, size: int, layout: MemoryLayout, graphs: Sequence[Graph]) -> None:
        """Search all loops with a size of chunks and a layout."""
        schedules: list[dict[str, Schedule]] = [{} for _ in graphs]
        searches: list[tuple[int, float, LoopSearch]] = []
        # How much longer all loops together may take than their bounds say.
        left = self.least - self._head_bound(layout.split)
        for number, graph in enumerate(graphs):
            for loop in self._loops(graph, layout, size):
                if loop.name != HEAD:
                    made = LoopSearch(self.work.system, loop, layout.split, self.space)
                    bound = made.least - (0 if loop.name == LAYERS else self._most_start_and_end)
                    searches.append((number, bound, made))
                    left -= bound
                    if math.isinf(made.least):
                        self._count(searches)
                        return
        ended = [0] * len(graphs)
        for number, bound, each in searches:
            begin = self._begin(ended[number])
            below = left + bound + ended[number] - begin if self.prune else math.inf
            found = each.best(below, begin=begin, prune=self.prune)
            if found is None:
                self._count(searches)
                return
            left -= begin + found.cycles - ended[number] - bound
            ended[number] = begin + found.cycles
            schedules[number][each.loop.name] = found.schedule
        self._count(searches)
        if self._has_head:
            begin = self._begin(ended[-1])
            head = self._head(layout.split, graphs[-1], begin)
            if head is None:
                return
            layout = replace(layout, parts=head[0])
            schedules[-1][HEAD] = head[1].schedule
            ended[-1] = begin + head[1].cycles
        if sum(ended) < self.least:
            self.least, self.best = sum(ended), Mapping(chunk=size, layout=layout, programs=tuple(schedules))

    def _head_bound(self, split: Split) -> float:
        """Return cycles below which no head ends after other loops: those of the best one if it is known, whatever
        memory has been doing; otherwise those in which memory delivers the weights."""
        if not self._has_head:
            return 0.0
        if self._pauses or (split, 0) not in self.heads:
            weights = [each for each in self.work.graph.of(Kind.MATMUL) if each.layer is None]
            return self._read_cycles(weights) - self._most_start_and_end
        head = self.heads[split, 0]
        return head[1].cycles - self._start_and_end() if head else math.inf

    def _head(self, split: Split, graph: Graph, begin: int) -> tuple[int, Best] | None:
        """Return the best number of parts of the vocabulary, and the schedule; one search for all sizes of chunks if
        memory does not pause."""
        begin *= self._pauses
        if (split, begin) not in self.heads:
            config = self.work.system.accelerator
            fewest, _ = head_parts(config, graph.of(Kind.LOGITS)[0].n)
            best: tuple[int, Best] | None = None
            for parts in range(fewest, fewest + self.space.more_parts + 1):
                layout = MemoryLayout(split=split, parts=parts)
                [loop] = [loop for loop in self._loops(graph, layout, 1) if loop.name == HEAD]
                made = LoopSearch(self.work.system, loop, split, self.space)
                found = made.best(best[1].cycles if best else math.inf, begin=begin, prune=self.prune)
                self._count([(0, 0.0, made)])
                if found and (best is None or found.cycles < best[1].cycles):
                    best = parts, found
            self.heads[split, begin] = best
        return self.heads[split, begin]

    def _count(self, searches: Sequence[tuple[int, float, LoopSearch]]) -> None:
        for *_, each in searches:
            each.leave()
            self.counts.add(each.counts)
