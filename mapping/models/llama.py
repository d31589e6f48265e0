"""Decoders as in Llama: attention over a cache and a gated SiLU network, each after an RMSNorm."""

from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.graph.graph import INPUT, Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision

from .builder import GraphBuilder
from .config import LlamaConfig

QUERY, KEY, VALUE, OUTPUT = (f"self_attn.{part}_proj" for part in "qkvo")
QUERY_NORM, KEY_NORM = "self_attn.q_norm", "self_attn.k_norm"
GATE, UP, DOWN = (f"mlp.{part}_proj" for part in ("gate", "up", "down"))
NORM, SECOND_NORM = "input_layernorm", "post_attention_layernorm"
EMBEDDINGS, FINAL_NORM, HEAD = "model.embed_tokens", "model.norm", "lm_head"
COSINES, SINES = "rotary.cos", "rotary.sin"


def layer_name(layer: int, part: str = "") -> str:
    """Return the name of a part of a layer, as Hugging Face names its tensors."""
    return f"model.layers.{layer}.{part}"


def decode(model: LlamaConfig, context: int, precision: Precision) -> Graph:
    """Return one decode step: one token that attends to ``context`` positions, its own included.

    Raises
    ------
    ConfigError
        If the model has no room for that context.
    """
    check_context(model, context)
    return tokens_graph(model, precision, tokens=1, position=context - 1, capacity=context)


def prefill(model: LlamaConfig, tokens: int, precision: Precision) -> Graph:
    """Return the prompt phase: all tokens at once, and the logits of the last.

    Raises
    ------
    ConfigError
        If the model has no room for so many tokens.
    """
    check_context(model, tokens)
    return tokens_graph(model, precision, tokens=tokens, capacity=tokens)


def tokens_graph(
    model: LlamaConfig, precision: Precision, *, tokens: int, position: int = 0, capacity: int, logits: bool = True
) -> Graph:
    """Return the model on tokens that follow ``position`` others, from embeddings to the next token.

    Parameters
    ----------
    capacity : int
        Positions for which the cache has room.
    logits : bool
        Whether the last of the tokens goes on to logits and the next token, or the graph ends with the last layer.

    Raises
    ------
    ValueError
        If the cache has no room for these tokens.
    """
    run = _Run(model, precision, tokens, position, capacity)
    residual = run.layers(run.add("embed_tokens", Kind.EMBED, m=tokens, n=model.hidden_size))
    if logits:
        found = run.head(residual, 1, model.vocab_size)
        run.add("sampling", Kind.SAMPLE, found, m=1, n=model.vocab_size)
    return run.graph()


def layers(model: LlamaConfig, precision: Precision, *, tokens: int, position: int = 0, capacity: int) -> Graph:
    """Return all layers on tokens that follow ``position`` others; see :func:`tokens_graph`."""
    run = _Run(model, precision, tokens, position, capacity)
    run.layers(run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size))
    return run.graph()


def network(model: LlamaConfig, precision: Precision, *, tokens: int) -> Graph:
    """Return the second half of the first layer: norm, gated network, residual."""
    run = _Run(model, precision, tokens, 0, tokens)
    residual = run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size)
    run.layer = 0
    run.network(residual)
    return run.graph()


def head(model: LlamaConfig, precision: Precision, *, tokens: int, columns: int) -> Graph:
    """Return the part after the last layer: the norm, and logits for some of the vocabulary."""
    run = _Run(model, precision, tokens, 0, tokens)
    run.head(run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size), tokens, columns)
    return run.graph()


def check_context(model: LlamaConfig, context: int) -> None:
    """Refuse a number of positions for which the model was not made.

    Raises
    ------
    ConfigError
        Names the number and what is allowed.
    """
    if not 1 <= context <= model.max_position_embeddings:
        raise ConfigError(
            f"context = {context} is not allowed: it must be 1 to max_position_embeddings = "
            f"{model.max_position_embeddings}"
        )


class _Run(GraphBuilder):
    """Collects the operators of tokens that go through the model together."""

    def __init__(self, model: LlamaConfig, precision: Precision, tokens: int, position: int, capacity: int):
        if position + tokens > capacity:
            raise ValueError(f"capacity = {capacity} is not enough for {tokens} tokens after {position}")
        super().__init__(precision, layer_name)
        self.model, self.tokens, self.position, self.capacity = model, tokens, position, capacity

    def layers(self, residual: str) -> str:
        """Add the tables of rotary embedding and all layers."""
        for table in (COSINES, SINES):
            self.add(table, Kind.CONSTANT, m=self.capacity, n=self.model.head_dim, base=self.model.rope_theta)
        for layer in range(self.model.num_hidden_layers):
            self.layer = layer
            residual = self.network(self.attention(residual))
        self.layer = None
        return residual

    def attention(self, residual: str) -> str:
        """Add the first half of a layer; return its sum with the residual."""
        model, tokens, context = self.model, self.tokens, self.position + self.tokens
        heads, shared, size = model.num_attention_heads, model.num_key_value_heads, model.head_dim
        normed = self.norm(NORM, residual)
        query = self.rotated(self.matmul(QUERY, normed, heads * size, model.qkv_bias), "q", heads)
        key = self.matmul(KEY, normed, shared * size, model.qkv_bias)
        value = self.matmul(VALUE, normed, shared * size, model.qkv_bias)
        cache: dict[str, Any] = {
            "m": tokens,
            "n": size,
            "heads": shared,
            "capacity": self.capacity,
            "position": self.position,
        }
        keys = self.add("cache.keys", Kind.KV_APPEND, self.rotated(key, "k", shared), **cache)
        values = self.add("cache.values", Kind.KV_APPEND, value, **cache)
        # The query heads of one token that share keys are the rows of one product.
        group = heads // shared
        shape: dict[str, Any] = (
            {"m": group, "heads": shared} if tokens == 1 else {"m": tokens, "heads": heads, "shared": group}
        )
        shape |= {"capacity": self.capacity, "position": self.position, "causal": tokens > 1}
        scores = self.add("self_attn.scores", Kind.SCORES, query, keys, row="attention", k=size, n=context, **shape)
        softmax = self.add("self_attn.softmax", Kind.SOFTMAX, scores, row="attention", n=context, **shape)
        mixed = self.add(
            "self_attn.weighted_sum", Kind.WEIGHTED_SUM, softmax, values, row="attention", k=context, n=size, **shape
        )
        merged = self.add("mixed", Kind.MERGE_HEADS, mixed, m=tokens, n=heads * size)
        return self.sum("self_attn.add", residual, self.matmul(OUTPUT, merged, model.hidden_size), row=OUTPUT)

    def network(self, residual: str) -> str:
        """Add the second half of a layer; return its sum with the residual."""
        model = self.model
        normed = self.norm(SECOND_NORM, residual)
        gate, up = (self.matmul(part, normed, model.intermediate_size) for part in (GATE, UP))
        gated = self.add("mlp.gated", Kind.SILU_MULTIPLY, gate, up, m=self.tokens, n=model.intermediate_size)
        return self.sum("mlp.add", residual, self.matmul(DOWN, gated, model.hidden_size), row="output")

    def head(self, residual: str, tokens: int, columns: int) -> str:
        """Add the last norm and some logits of the last tokens."""
        self.tokens = tokens
        logits = self.matmul(HEAD, self.norm(FINAL_NORM, residual), columns)
        return self.add("logits", Kind.LOGITS, logits, m=tokens, n=columns)

    def rotated(self, source: str, name: str, heads: int) -> str:
        """Add the norm, if the model has one, and the rotary embedding of query heads or key heads."""
        size, row = self.model.head_dim, f"self_attn.{name}_proj"
        if self.model.qk_norm:
            source = self.norm(f"self_attn.{name}_norm", source, size, heads)
        shape: dict[str, Any] = {
            "m": self.tokens,
            "n": size,
            "heads": heads,
            "position": self.position,
            "capacity": self.capacity,
        }
        return self.add(f"self_attn.rope_{name}", Kind.ROPE, source, COSINES, SINES, row=row, **shape)

    def norm(self, part: str, source: str, columns: int = 0, heads: int = 1) -> str:
        """Add a norm of whole rows, or of each head of a row."""
        shape: dict[str, Any] = {"m": self.tokens, "n": columns or self.model.hidden_size, "heads": heads}
        return self.add(part, Kind.RMS_NORM, source, epsilon=self.model.rms_norm_eps, **shape)

    def matmul(self, part: str, source: str, columns: int, bias: bool = False) -> str:
        """Add a product with a weight matrix."""
        k = self.operators[source].n
        return self.add(part, Kind.MATMUL, source, m=self.tokens, k=k, n=columns, bias=bias)

    def sum(self, part: str, residual: str, term: str, row: str) -> str:
        """Add the residual to a product's result."""
        return self.add(part, Kind.ADD, residual, term, row=row, m=self.tokens, n=self.model.hidden_size)


def rotary_tables(base: float, head: int, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines and sines of rotary embedding, each (positions, head size), float64."""
    frequencies = base ** (-np.arange(0, head, 2) / head)
    angles = np.tile(np.arange(positions)[:, None] * frequencies, 2)
    return np.cos(angles), np.sin(angles)
