"""Encoders as in BERT: attention and a GELU network, each followed by a LayerNorm of its sum with its input."""

from typing import Any

from tilewright.sim.graph.graph import INPUT, Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision

from .builder import GraphBuilder
from .config import BertConfig, check_context

ATTENTION = "attention.self"
QUERY, KEY, VALUE = (f"{ATTENTION}.{part}" for part in ("query", "key", "value"))
OUTPUT, UP, DOWN = "attention.output.dense", "intermediate.dense", "output.dense"
NORM, LAST_NORM = "attention.output.LayerNorm", "output.LayerNorm"


def layer_name(layer: int, part: str = "") -> str:
    """Return the name of a part of a layer, as Hugging Face names its tensors."""
    return f"encoder.layer.{layer}.{part}"


def layers(model: BertConfig, precision: Precision, *, tokens: int) -> Graph:
    """Return all layers on a row of tokens, all of which attend to each other.

    Raises
    ------
    ConfigError
        If the model has no room for so many tokens.
    """
    check_context(model, tokens)
    run = _Run(model, precision, tokens)
    residual = run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size)
    for layer in range(model.num_hidden_layers):
        run.layer = layer
        residual = run.network(run.attention(residual))
    return run.graph()


class _Run(GraphBuilder):
    """Collects the operators of a row of tokens."""

    def __init__(self, model: BertConfig, precision: Precision, tokens: int):
        super().__init__(precision, layer_name)
        self.model, self.tokens = model, tokens

    def attention(self, residual: str) -> str:
        """Add the first half of a layer, its norm included."""
        model, tokens = self.model, self.tokens
        heads, size = model.num_attention_heads, model.head_dim
        source = self.smoothed(ATTENTION, residual)
        query, key, value = (self.matmul(part, source, model.hidden_size) for part in (QUERY, KEY, VALUE))
        shape: dict[str, Any] = {"m": tokens, "heads": heads}
        keys = self.add(f"{KEY}.rows", Kind.KV_APPEND, key, n=size, **shape)
        values = self.add(f"{VALUE}.rows", Kind.KV_APPEND, value, n=size, **shape)
        scores = self.add("attention.scores", Kind.SCORES, query, keys, k=size, n=tokens, factor=size**-0.5, **shape)
        softmax = self.add("attention.softmax", Kind.SOFTMAX, scores, n=tokens, **shape)
        mixed = self.add("attention.weighted_sum", Kind.WEIGHTED_SUM, softmax, values, k=tokens, n=size, **shape)
        merged = self.add("attention.mixed", Kind.MERGE_HEADS, mixed, m=tokens, n=model.hidden_size)
        return self.normed("attention.add", residual, self.matmul(OUTPUT, merged, model.hidden_size), NORM)

    def network(self, residual: str) -> str:
        """Add the second half of a layer, its norm included."""
        model = self.model
        up = self.matmul(UP, self.smoothed(UP, residual), model.intermediate_size)
        gelu = self.add("gelu", Kind.GELU, up, m=self.tokens, n=model.intermediate_size)
        return self.normed("add", residual, self.matmul(DOWN, gelu, model.hidden_size), LAST_NORM)

    def smoothed(self, part: str, source: str) -> str:
        """Add the factors of the columns that projections read, if the precision asks for them."""
        if not self.precision.smooth:
            return source
        return self.add(f"{part}.factors", Kind.SMOOTH, source, m=self.tokens, n=self.model.hidden_size)

    def matmul(self, part: str, source: str, columns: int) -> str:
        """Add a product with a weight matrix."""
        return self.add(part, Kind.MATMUL, source, m=self.tokens, k=self.operators[source].n, n=columns, bias=True)

    def normed(self, part: str, residual: str, term: str, norm: str) -> str:
        """Add the norm of the sum of the residual and a product's result."""
        shape: dict[str, Any] = {"m": self.tokens, "n": self.model.hidden_size}
        total = self.add(part, Kind.ADD, residual, term, **shape)
        return self.add(norm, Kind.LAYER_NORM, total, bias=True, epsilon=self.model.layer_norm_eps, **shape)
