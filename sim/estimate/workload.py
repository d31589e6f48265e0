"""Shapes of products and passes of a run of a model, from the operator graph: all that an estimate needs of it."""

from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.layer_loops import layer_loops
from tilewright.sim.graph.operator import Kind, Operator


@dataclass(frozen=True)
class Matrix:
    """Product with a weight matrix of (k, n) elements."""

    k: int
    n: int
    bias: bool = False


@dataclass(frozen=True)
class Layer:
    """Shapes of one layer of a decoder."""

    hidden: int
    query: Matrix
    key: Matrix
    value: Matrix
    output: Matrix
    gate: Matrix
    up: Matrix
    down: Matrix
    heads: int
    """Number of query heads."""
    shared: int
    """Number of heads of keys, and of values."""
    size: int
    """Number of elements of a head."""
    window: int = 0
    """Number of positions that a token sees at most; 0: all."""
    table: str = ""
    """Name of the tables of rotary embedding, if the layer has it."""
    head_norms: bool = False
    """Flag: query heads and key heads go through a norm."""
    post_norms: bool = False
    """Flag: the results of attention and network go through a norm."""

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """All products with weights, in the order of the graph."""
        return self.query, self.key, self.value, self.output, self.gate, self.up, self.down

    @property
    def group(self) -> int:
        """Number of query heads that share a head of keys."""
        return self.heads // self.shared


@dataclass(frozen=True)
class Workload:
    """One decode step, or the prompt phase, of a model, whatever the system.

    Made from a graph by :meth:`of`; :func:`tilewright.mapping.models.workload.workload` makes it from a model.
    """

    phase: str
    """``decode`` or ``prefill``."""
    tokens: int
    """Number of tokens that go through the model: 1, or those of the prompt."""
    context: int
    """Number of positions in the cache after the run."""
    loops: tuple[tuple[tuple[Layer, ...], int], ...]
    """Layers in their order, as loops: the layers of a run, and the number of runs."""
    vocabulary: int

    @property
    def layers(self) -> int:
        """Number of layers."""
        return sum(len(body) * runs for body, runs in self.loops)

    @classmethod
    def of(cls, graph: Graph) -> "Workload":
        """Return the workload of a graph of all tokens, as the functions ``decode`` and ``prefill`` make it.

        The precision of the graph does not matter: a design's tiles decide it.

        Raises
        ------
        ConfigError
            If the graph has an operator that no unit of the accelerator computes.
        """
        for operator in graph:
            if operator.kind is Kind.SOFT_CAP:
                raise ConfigError(f"{operator.name}: no unit of the accelerator can compute a {operator.kind}")
        tokens = graph.of(Kind.EMBED)[0].m
        scores = graph.of(Kind.SCORES)
        layers = [_layer(graph, each) for each in scores]
        logits = graph.of(Kind.LOGITS)
        return cls(
            phase="decode" if tokens == 1 else "prefill",
            tokens=tokens,
            context=scores[0].capacity,
            loops=tuple((tuple(layers[each] for each in body), runs) for body, runs in layer_loops(layers)),
            vocabulary=logits[0].n if logits else 0,
        )


def _layer(graph: Graph, scores: Operator) -> Layer:
    """Return the shapes of the layer of an attention."""
    own = [each for each in graph if each.layer == scores.layer]
    [merge] = [each for each in own if each.kind is Kind.MERGE_HEADS]
    [gated] = [each for each in own if each.kind in (Kind.SILU_MULTIPLY, Kind.GELU_MULTIPLY)]
    weighted = graph[merge.inputs[0]]
    query, key, value = (_made_by(graph, name) for name in (scores.inputs[0], scores.inputs[1], weighted.inputs[1]))
    [output] = [each for each in graph.readers(merge.name) if each.kind is Kind.MATMUL]
    [down] = [each for each in graph.readers(gated.name) if each.kind is Kind.MATMUL]
    gate, up = (_made_by(graph, name) for name in gated.inputs)
    normed = {each.inputs[0] for each in own if each.kind is Kind.RMS_NORM}
    return Layer(
        hidden=query.k,
        query=_matrix(query),
        key=_matrix(key),
        value=_matrix(value),
        output=_matrix(output),
        gate=_matrix(gate),
        up=_matrix(up),
        down=_matrix(down),
        heads=query.n // scores.k,
        shared=key.n // scores.k,
        size=scores.k,
        window=scores.window,
        table=next((each.inputs[1] for each in own if each.kind is Kind.ROPE), ""),
        head_norms=query.name in normed,
        post_norms=output.name in normed,
    )


def _made_by(graph: Graph, name: str) -> Operator:
    """Return the product with weights from which an operator's result comes, without others in between."""
    operator = graph[name]
    while operator.kind is not Kind.MATMUL:
        operator = graph[operator.inputs[0]]
    return operator


def _matrix(operator: Operator) -> Matrix:
    return Matrix(operator.k, operator.n, operator.bias)
