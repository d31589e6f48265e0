"""A token or a prompt that is mapped: its graphs, in which each operator has its engine."""

from dataclasses import dataclass
from functools import cached_property

from tilewright.mapping.compile.chunks import RefusedChunk, chunk_size
from tilewright.mapping.fit import check_fit
from tilewright.mapping.host.placement import place
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.llama import check_context
from tilewright.mapping.precision.plans.on_array import HeldPlan
from tilewright.sim.config import System
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.engine_rules import check_rules, with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision

DECODE, PREFILL = "decode", "prefill"


@dataclass(frozen=True, kw_only=True)
class Work:
    """One decode step at a context, or the prompt phase of this many tokens, of a model on a system.

    The engines decide the precision: on the CIM array weights and cache are what its weights are, unless a plan gives
    some weights a second format of the array.
    """

    model: DecoderConfig
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
            If the model has no room for the context, or there is no such engine or format.
        """
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

    @cached_property
    def graph(self) -> Graph:
        """Graph of all tokens, whose bounds move every weight once.

        Raises
        ------
        ConfigError
            If a rule matches no product.
        """
        make = llama.decode if self.phase == DECODE else llama.prefill
        graph = self._placed(make(self.model, self.context, self.precision))
        check_rules(graph, self.rules)
        return place(graph, self.on_host)

    def chunks(self, size: int) -> tuple[Graph, ...]:
        """Return the graphs of the programs: that of a token, or of the chunks of a prompt, of which the last has
        logits."""
        if self.phase == DECODE:
            return (self.graph,)
        return tuple(self.chunk(position, size) for position in range(0, self.context, size))

    def chunk(self, position: int, size: int) -> Graph:
        """Return the graph of a chunk of a prompt."""
        end = min(position + size, self.context)
        graph = llama.tokens_graph(
            self.model, self.precision, tokens=end - position, position=position, capacity=self.context,
            logits=end == self.context,
        )  # fmt: skip
        return place(self._placed(graph), self.on_host)

    @cached_property
    def default_chunk(self) -> tuple[int, RefusedChunk | None]:
        """Return the number of tokens in a chunk that the compiler takes by default, and the smallest larger one that
        it tried.

        Raises
        ------
        ConfigError
            If the accelerator has no room for a single token.
        """
        if self.phase == DECODE:
            return 1, None
        return chunk_size(self.system.accelerator, self.chunk, self.context)

    def _placed(self, graph: Graph) -> Graph:
        """Return a graph whose products have their engines."""
        return with_engines(self.system.accelerator, graph, self.rules)
