"""A token, a prompt or a row of tokens that is mapped: its graphs, in which each operator has its engine."""

from dataclasses import dataclass
from functools import cached_property

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.chunks import RefusedChunk, chunk_size, rows_size, rows_step
from tilewright.mapping.fit import check_fit
from tilewright.mapping.host.placement import place
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import BertConfig, Transformer, check_context
from tilewright.mapping.models.phases import DECODE, ENCODE, PREFILL, check_phase, graph_of
from tilewright.mapping.precision.plans.on_array import HeldPlan
from tilewright.sim.config import System
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.engine_rules import check_rules, with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision


@dataclass(frozen=True, kw_only=True)
class Work:
    """One decode step at a context, the prompt phase of this many tokens, or so many tokens of an encoder, on a system.

    The engines decide the precision: on the CIM array weights and cache are what its weights are, unless a plan gives
    some weights a second format of the array.
    """

    model: Transformer
    system: System
    phase: str
    context: int
    on_host: tuple[str, ...] = ()
    """Kinds of operators that the host runs, of ``PLACEABLE``; what that means for times is told in
    :mod:`.host.placement`."""
    engines: tuple[EngineRule, ...] = ()
    """Rules that place products on the CIM array or on the NPE, after those of the system."""
    plan: HeldPlan | None = None
    """Formats of the matrices."""

    def check(self) -> None:
        """Refuse work for which the system has no room.

        Raises
        ------
        ConfigError
            If the model does not have the phase, or has no room for the context, or there is no such engine or format.
        """
        check_phase(self.model, self.phase)
        if self.rules or self.system.cim is None:
            # The formats of jobs decide how much memory the model takes: that is checked when it is compiled.
            check_context(self.model, self.context)
        else:
            check_fit(self.model, self.system, self.precision, self.context)

    @cached_property
    def rules(self) -> tuple[EngineRule, ...]:
        """Rules of the system, and those after them."""
        return (*self.system.engine_rules, *self.engines)

    @cached_property
    def precision(self) -> Precision:
        """Formats in which the array, and a plan for it, let operators compute; rules give those of jobs."""
        precision = Precision.of_accelerator(self.system.accelerator)
        return self.plan.of(precision) if self.plan else precision

    @property
    def tokens(self) -> int:
        """Number of tokens that go through the model."""
        return 1 if self.phase == DECODE else self.context

    @cached_property
    def graph(self) -> Graph:
        """Graph of all tokens, whose bounds move every weight once.

        Raises
        ------
        ConfigError
            If a rule matches no product.
        """
        graph = self._placed(graph_of(self.model, self.precision, phase=self.phase, context=self.context))
        check_rules(graph, self.rules)
        return place(graph, self.on_host)

    def chunks(self, size: int) -> tuple[Graph, ...]:
        """Return the graphs of the programs: that of a token or of an encoder, or of the chunks of a prompt, of which
        the last has logits."""
        if self.phase != PREFILL:
            return (self.graph,)
        return tuple(self.chunk(position, size) for position in range(0, self.context, size))

    def rows(self, size: int) -> int | None:
        """Return the number of rows that go through a layer at a time, if there is one program for blocks of rows."""
        return size if self.phase == ENCODE else None

    @cached_property
    def rows_step(self) -> int:
        """Number of which the rows of all blocks of an encoder but the last are a multiple."""
        return rows_step(self.system.accelerator, self.graph) if self.phase == ENCODE else 1

    def sizes(self, size: int) -> tuple[int, ...]:
        """Return the numbers of tokens of the chunks, or of the blocks of rows of an encoder.

        Raises
        ------
        ConfigError
            If blocks of an encoder cannot have this size.
        """
        if size < self.tokens and size % self.rows_step:
            raise ConfigError(f"chunk = {size} is not allowed: blocks of rows are multiples of {self.rows_step} tokens")
        return tuple(min(size, self.tokens - first) for first in range(0, self.tokens, size))

    def chunk(self, position: int, size: int) -> Graph:
        """Return the graph of a chunk of a prompt."""
        assert not isinstance(self.model, BertConfig)
        end = min(position + size, self.context)
        graph = llama.tokens_graph(
            self.model, self.precision, tokens=end - position, position=position, capacity=self.context,
            logits=end == self.context,
        )  # fmt: skip
        return place(self._placed(graph), self.on_host)

    @cached_property
    def default_chunk(self) -> tuple[int, RefusedChunk | None]:
        """Return the number of tokens that go through the model, or through a layer of an encoder, at once by default,
        and the smallest larger number that the compiler tried.

        Raises
        ------
        ConfigError
            If the accelerator has no room for a single token.
        """
        if self.phase == ENCODE:
            return rows_size(self.system.accelerator, self.graph)
        if self.phase != PREFILL:
            return self.tokens, None
        return chunk_size(self.system.accelerator, self.chunk, self.context)

    def _placed(self, graph: Graph) -> Graph:
        """Return a graph whose products have their engines."""
        return with_engines(self.system.accelerator, graph, self.rules)
