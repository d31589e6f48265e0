"""The contents of a graph's constants: weights, norms, biases and tables as steps read them."""

from collections.abc import Iterator, Mapping

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.llama import COSINES
from tilewright.mapping.models.rows import ALL, RowScales, rows_of, scales_of
from tilewright.mapping.precision.npe_weights import npe_weights
from tilewright.mapping.precision.quantisation import joined, quantise_weights
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator

from .e2m1 import factors_constant
from .masks import mask_contents
from .online_softmax import first_block_constants
from .operands import activations_of


def constant_contents(
    graph: Graph, tensors: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return the contents of the constants of a graph's steps as they are stored, by name.

    Parameters
    ----------
    tensors : mapping
        Weights (outputs, inputs), biases and norms by the names that Hugging Face gives them.
    factors : mapping
        Factors of columns by the names of :func:`.smoothing.smoothing_factors`, if the precision asks for them.
    """
    contents = _Contents(graph, tensors, factors or {})
    for operator in graph:
        contents.add(operator)
    return contents.found


def carried_bias(graph: Graph, operator: Operator) -> Operator | None:
    """Return the product whose bias an operator's result contains: the result is the residual to which it is added.

    The pass that adds a residual has no operand left for a bias.
    """
    terms = [
        graph[name]
        for reader in graph.readers(operator.name)
        for name in reader.inputs
        if reader.kind is Kind.ADD and carries_bias(graph, reader)
    ]
    return next((term for term in terms if term.kind is Kind.MATMUL and term.bias), None)


def carries_bias(graph: Graph, addition: Operator) -> bool:
    """Return whether the residual of an addition contains the bias of the product that is added, as in an encoder.

    A LayerNorm comes before such a residual, whose own bias makes room for it.
    """
    return any(reader.kind is Kind.LAYER_NORM for reader in graph.readers(addition.name))


OUTPUTS = 1024
"""Maximum number of outputs of a product whose weights are quantised together."""


class _Contents:
    """Collects the contents of constants."""

    def __init__(self, graph: Graph, tensors: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]):
        self.graph, self.tensors, self.factors = graph, tensors, factors
        self.found: dict[str, np.ndarray] = {}
        self.scaled = dict(_scaled(graph))
        """Factors of weights and gains, by operator: queries contain the factor of their scores."""

    def add(self, operator: Operator) -> None:
        """Add the constants of an operator."""
        name = operator.name
        if operator.kind is Kind.MATMUL:
            self._product(operator)
        elif operator.kind is Kind.RMS_NORM:
            gains = self.tensors[f"{name}.weight"] * self.scaled.get(name, 1.0)
            self._put(f"{name}.weight", operator.head.spread(gains) if operator.head else gains)
        elif operator.kind is Kind.LAYER_NORM:
            self._put(f"{name}.weight", self.tensors[f"{name}.weight"])
            self._put(f"{name}.bias", self.tensors[f"{name}.bias"] + self._carried(operator))
        elif operator.kind is Kind.INPUT and carried_bias(self.graph, operator):
            self._put(f"{name}.bias", self._carried(operator))
        elif operator.kind is Kind.SMOOTH:
            self._put(name, self._factors(operator))
        elif operator.kind is Kind.CONSTANT:
            self._put(name, _table(operator))
        elif operator.kind is Kind.ROPE and operator.precision.key_offsets:
            self._key_offsets(operator)
        elif operator.kind is Kind.KV_APPEND:
            self._put("one", np.ones(1))
            if operator.every_position:
                self.found |= first_block_constants(operator.n)
            whole_rows = not operator.capacity and operator.precision.scales == "token"
            self.found |= factors_constant(operator.precision.cache, operator.n * (operator.heads if whole_rows else 1))

    def _product(self, operator: Operator) -> None:
        """Add weights; take from their bias the effect of the bias that their input contains."""
        name, factor = operator.name, self.scaled.get(operator.name, 1.0) * operator.factor
        source = self.graph[operator.inputs[0]]
        after_attention = source.kind is Kind.MERGE_HEADS
        columns = np.ones(operator.k)
        if source.kind is Kind.SMOOTH:
            columns = self._factors(source)
            source = self.graph[source.inputs[0]]
        # Some outputs at a time: float64 numbers of a whole vocabulary would take most of the memory of a run.
        quantise = npe_weights if operator.engine is Engine.NPE else quantise_weights
        parts = activations_of(operator).parts(operator.k)
        blocks = []
        for block, own in self._weights(operator, after_attention):
            weights = block.astype(np.float64).T * factor / columns[:, None]
            scales = [own and own.of_columns(part, operator.precision.group).times(factor) for part in parts]
            pieces = zip(parts, scales, strict=True)
            blocks.append([quantise(weights[part], operator.precision, each) for part, each in pieces])
        quantised = [joined(each) for each in zip(*blocks, strict=True)]
        for number, part_weights in enumerate(quantised):
            self.found |= part_weights.constants(name if len(quantised) == 1 else f"{name}.{number}")
        readers = self.graph.readers(name)
        if operator.bias and not any(each.kind is Kind.ADD and carries_bias(self.graph, each) for each in readers):
            bias = self.tensors[f"{name}.bias"] * factor
            if operator.head and not after_attention:
                bias = operator.head.spread(bias)
            if carried_bias(self.graph, source):
                bias = bias - (self._carried(source) * columns) @ np.concatenate([each.values for each in quantised])
            self._put(f"{name}.bias", bias)

    def _weights(self, operator: Operator, after_attention: bool) -> Iterator[tuple[np.ndarray, RowScales | None]]:
        """Yield the weights of some outputs after the others, (outputs, inputs), and their scales if they have some."""
        name = f"{operator.name}.weight"
        if not operator.head:
            for first in range(0, operator.n, OUTPUTS):
                rows = slice(first, min(first + OUTPUTS, operator.n))
                yield rows_of(self.tensors, name, rows), scales_of(self.tensors, name, rows)
            return
        spread, weights, scales = operator.head.spread, self.tensors[name], scales_of(self.tensors, name, ALL)
        if scales is not None and after_attention:
            group = operator.precision.group
            scales = scales.with_columns_moved(spread, weights.shape[1], group)
            if scales is None:
                raise ConfigError(
                    f"{operator.name}: a scale for each {group} inputs is not allowed here: heads of "
                    f"{operator.head.size} have room for {operator.head.room}, and some groups of inputs with room "
                    "would have two scales"
                )
        elif scales is not None:
            scales = scales.with_rows_moved(spread)
        weights = spread(weights) if after_attention else spread(weights.T).T
        for first in range(0, len(weights), OUTPUTS):
            rows = slice(first, first + OUTPUTS)
            yield weights[rows], None if scales is None else scales[rows]

    def _key_offsets(self, operator: Operator) -> None:
        """Add the numbers that are added to keys: zeros if the tensors have none."""
        name = f"{operator.name}.offset"
        if any(reader.kind is Kind.KV_APPEND for reader in self.graph.readers(operator.name)):
            size = operator.head.size if operator.head else operator.n
            offsets = self.tensors[name] if name in self.tensors else np.zeros((operator.heads, size))
            self._put(name, operator.head.rooms(offsets) if operator.head else offsets)

    def _carried(self, operator: Operator) -> np.ndarray:
        """Return the bias of a product that an operator's result contains."""
        product = carried_bias(self.graph, operator)
        return self.tensors[f"{product.name}.bias"].astype(np.float64) if product else np.zeros(operator.n)

    def _factors(self, operator: Operator) -> np.ndarray:
        return self.factors[operator.name.removesuffix(".factors")]

    def _put(self, name: str, values: np.ndarray) -> None:
        self.found[name] = stored.FP32.from_fp32(values.astype(np.float32))


def _scaled(graph: Graph) -> list[tuple[str, float]]:
    """Return the operators whose weights contain the factor of scores: projections to queries, or norms after them."""
    scaled = []
    for scores in graph.of(Kind.SCORES):
        query = graph[scores.inputs[0]]
        if query.kind is Kind.ROPE:
            query = graph[query.inputs[0]]
        scaled.append((query.name, scores.factor))
    return scaled


def _table(operator: Operator) -> np.ndarray:
    """Return cosines, sines, or a mask."""
    if operator.rotary:
        head = operator.head
        together = head is not None and head.together > 1
        cosines, sines = operator.rotary.tables(operator.m, head.size if head and together else operator.n)
        table = cosines if operator.name.endswith(f".{COSINES}") else sines
        return head.table(table) if head and together else table
    return mask_contents(operator)
