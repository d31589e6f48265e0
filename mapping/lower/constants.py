"""The contents of a graph's constants: weights, norms, biases and tables as steps read them."""

from collections.abc import Mapping

import numpy as np

from tilewright.mapping.models.llama import COSINES, rotary_tables
from tilewright.mapping.precision.quantisation import quantise_weights
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator

from .e2m1 import factors_constant


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
        graph[name] for reader in graph.readers(operator.name) for name in reader.inputs if reader.kind is Kind.ADD
    ]
    return next((term for term in terms if term.kind is Kind.MATMUL and term.bias), None)


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
            self._put(f"{name}.weight", self.tensors[f"{name}.weight"] * self.scaled.get(name, 1.0))
        elif operator.kind is Kind.LAYER_NORM:
            self._put(f"{name}.weight", self.tensors[f"{name}.weight"])
            self._put(f"{name}.bias", self.tensors[f"{name}.bias"] + self._carried(operator))
        elif operator.kind is Kind.INPUT and carried_bias(self.graph, operator):
            self._put(f"{name}.bias", self._carried(operator))
        elif operator.kind is Kind.SMOOTH:
            self._put(name, self._factors(operator))
        elif operator.kind is Kind.CONSTANT:
            cosines, sines = rotary_tables(operator.base, operator.n, operator.m)
            self._put(name, cosines if name == COSINES else sines)
        elif operator.kind is Kind.KV_APPEND:
            self._put("one", np.ones(1))
            whole_rows = not operator.capacity and operator.precision.scales == "token"
            self.found |= factors_constant(operator.precision.cache, operator.n * (operator.heads if whole_rows else 1))

    def _product(self, operator: Operator) -> None:
        """Add weights; take from their bias the effect of the bias that their input contains."""
        name, factor = operator.name, self.scaled.get(operator.name, 1.0)
        weights = self.tensors[f"{name}.weight"].astype(np.float64).T * factor
        source = self.graph[operator.inputs[0]]
        columns = np.ones(operator.k)
        if source.kind is Kind.SMOOTH:
            columns = self._factors(source)
            source = self.graph[source.inputs[0]]
        quantised = quantise_weights(weights / columns[:, None], operator.precision)
        self.found |= quantised.constants(name)
        if operator.bias and not any(reader.kind is Kind.ADD for reader in self.graph.readers(name)):
            bias = self.tensors[f"{name}.bias"] * factor
            if carried_bias(self.graph, source):
                bias = bias - (self._carried(source) * columns) @ quantised.values
            self._put(f"{name}.bias", bias)

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
        scaled.append((query.name, scores.k**-0.5))
    return scaled
