"""The data of a decoder that all its programs share, in main memory: weights, cache and tables."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.llama import HEAD
from tilewright.mapping.models.rows import RowsFrom
from tilewright.mapping.precision.equalisation import precision_of
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.engine_rules import with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind

from .compiled_loops import CompiledLoops
from .whole_model import head_parts, write_layers


class DecoderData:
    """Data that all programs of a decoder share: weights, cache and tables in main memory.

    Parameters
    ----------
    tensors : mapping
        Tensors by the names of :mod:`.tensors`; each is asked for when it is written. Offsets of keys are added by
        programs if there are some.
    capacity : int
        Number of positions for which the cache has room.
    rules : sequence of EngineRule
        Rules that place products on the CIM array or on the NPE.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        model: DecoderConfig,
        tensors: Mapping[str, np.ndarray],
        *,
        capacity: int,
        rules: Sequence[EngineRule] = (),
    ):
        self.config, self.model, self.tensors, self.capacity, self.rules = config, model, tensors, capacity, rules
        self.precision = precision_of(config, model, tensors)
        [product] = self.placed(llama.head(model, self.precision, tokens=1, columns=1)).of(Kind.MATMUL)
        self.parts, self.columns = head_parts(config, model.vocab_size, on_npe=product.engine is Engine.NPE)

    def placed(self, graph: Graph) -> Graph:
        """Return a graph whose products have their engines."""
        return with_engines(self.config, graph, self.rules)

    def graph(self, position: int, tokens: int, *, logits: bool = True) -> Graph:
        """Return the operator graph of some tokens from a position on, see :func:`.llama.tokens_graph`."""
        return self.placed(
            llama.tokens_graph(
                self.model, self.precision, tokens=tokens, position=position, capacity=self.capacity, logits=logits
            )
        )

    def layers(self) -> Graph:
        """Return the graph of all layers whose constants lie in memory."""
        graph = self.placed(llama.layers(self.model, self.precision, tokens=1, capacity=self.capacity))
        return with_padded_heads(self.config, graph)

    def write_weights(self, memory: np.ndarray, program: CompiledLoops) -> None:
        """Write all weights and tables where a program has them."""
        layers = self.layers()

        def constants(layer: int) -> dict[str, np.ndarray]:
            return constant_contents(
                layers.part(operator for operator in layers if operator.layer == layer), self.tensors
            )

        write_layers(program, memory, constants)
        for part, each in enumerate(self._head_constants()):
            program.write_constants(memory, HEAD, part, each)

    def logits(self, memory: np.ndarray, program: CompiledLoops) -> np.ndarray:
        """Return the logits that a program has left in memory, (vocabulary,) float32, before a soft cap."""
        return program.output_rows(HEAD).read(memory).ravel()[: self.model.vocab_size]

    def _head_constants(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield the constants of each part of the vocabulary, zeros after its end."""
        name = f"{HEAD}.weight"
        graph = self.placed(llama.head(self.model, self.precision, tokens=1, columns=self.columns))
        for part in range(self.parts):
            yield constant_contents(graph, RowsFrom(self.tensors, name, part * self.columns))
