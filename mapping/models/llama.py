"""Decoders as in Llama: attention over a cache and a gated network, each after an RMSNorm; with the options in which
other families differ from it."""

from dataclasses import dataclass
from typing import Any

from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import INPUT, Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.graph.rotary import Rotary

from .builder import GraphBuilder
from .config import DecoderConfig, check_context

QUERY, KEY, VALUE, OUTPUT = (f"self_attn.{part}_proj" for part in "qkvo")
QUERY_NORM, KEY_NORM = "self_attn.q_norm", "self_attn.k_norm"
GATE, UP, DOWN = (f"mlp.{part}_proj" for part in ("gate", "up", "down"))
NORM, SECOND_NORM = "input_layernorm", "post_attention_layernorm"
FIRST_POST_NORM, PRE_NORM, LAST_POST_NORM = SECOND_NORM, "pre_feedforward_layernorm", "post_feedforward_layernorm"
"""Norms of a model with ``post_norms``: of what attention adds, before the network, and of what the network adds."""
KEY_OFFSETS = "self_attn.rope_k.offset"
"""Name of the numbers that are added to keys after rotary embedding, (heads, head size), if a precision asks for it."""
EMBEDDINGS, FINAL_NORM, HEAD = "model.embed_tokens", "model.norm", "lm_head"
EMBEDDED = "embed_tokens"
"""Name of the operator that looks up embeddings."""
COSINES, SINES = "cos", "sin"
"""Ends of the names of tables of rotary embedding."""
MASK = "mask"
"""Beginning of the names of masks, which hide the positions before a sliding window."""


@dataclass(frozen=True)
class EveryPosition:
    """Service of every position by one graph: a block of the cache, and a mask that says what each token sees of it."""

    block: int
    """Number of positions in a block of the cache."""
    read: int
    """Number of positions that attention reads, the first of the block."""
    repeated: bool = False
    """Flag: attention is repeated for each block with positions that tokens see. Otherwise there is one block, and the
    graph serves the positions that are read."""


def layer_name(layer: int, part: str = "") -> str:
    """Return the name of a part of a layer, as Hugging Face names its tensors."""
    return f"model.layers.{layer}.{part}"


def decode(model: DecoderConfig, context: int, precision: Precision) -> Graph:
    """Return one decode step: one token that attends to ``context`` positions, its own included.

    Raises
    ------
    ConfigError
        If the model has no room for that context.
    """
    check_context(model, context)
    return tokens_graph(model, precision, tokens=1, position=context - 1, capacity=context)


def prefill(model: DecoderConfig, tokens: int, precision: Precision) -> Graph:
    """Return the prompt phase: all tokens at once, and the logits of the last.

    Raises
    ------
    ConfigError
        If the model has no room for so many tokens.
    """
    check_context(model, tokens)
    return tokens_graph(model, precision, tokens=tokens, capacity=tokens)


def tokens_graph(
    model: DecoderConfig,
    precision: Precision,
    *,
    tokens: int,
    position: int = 0,
    capacity: int,
    logits: bool = True,
    every: EveryPosition | None = None,
) -> Graph:
    """Return the model on tokens that follow ``position`` others, from embeddings to the next token.

    Parameters
    ----------
    capacity : int
        Positions for which the cache has room.
    logits : bool
        Whether the last of the tokens goes on to logits and the next token, or the graph ends with the last layer.
    every : EveryPosition, optional
        For a graph that serves every position; ``position`` is then one in a block of the cache.

    Raises
    ------
    ValueError
        If the cache, or a block of it, has no room for these tokens.
    """
    run = _Run(model, precision, tokens, position, capacity, every)
    embedded = run.add(EMBEDDED, Kind.EMBED, m=tokens, n=model.hidden_size, factor=model.embedding_factor)
    residual = run.layers(embedded)
    if logits:
        found = run.head(residual, 1, model.vocab_size)
        if model.final_logit_softcapping:
            found = run.add(
                "logits.capped", Kind.SOFT_CAP, found, m=1, n=model.vocab_size, cap=model.final_logit_softcapping
            )
        run.add("sampling", Kind.SAMPLE, found, m=1, n=model.vocab_size)
    return run.graph()


def layers(
    model: DecoderConfig,
    precision: Precision,
    *,
    tokens: int,
    position: int = 0,
    capacity: int,
    every: EveryPosition | None = None,
) -> Graph:
    """Return all layers on tokens that follow ``position`` others; see :func:`tokens_graph`."""
    run = _Run(model, precision, tokens, position, capacity, every)
    run.layers(run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size))
    return run.graph()


def network(model: DecoderConfig, precision: Precision, *, tokens: int) -> Graph:
    """Return the second half of the first layer: norm, gated network, residual."""
    run = _Run(model, precision, tokens, 0, tokens)
    residual = run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size)
    run.layer = 0
    run.network(residual)
    return run.graph()


def head(model: DecoderConfig, precision: Precision, *, tokens: int, columns: int) -> Graph:
    """Return the part after the last layer: the norm, and logits for some of the vocabulary."""
    run = _Run(model, precision, tokens, 0, tokens)
    run.head(run.add(INPUT, Kind.INPUT, m=tokens, n=model.hidden_size), tokens, columns)
    return run.graph()


class _Run(GraphBuilder):
    """Collects the operators of tokens that go through the model together."""

    def __init__(
        self,
        model: DecoderConfig,
        precision: Precision,
        tokens: int,
        position: int,
        capacity: int,
        every: EveryPosition | None = None,
    ):
        room = every.read if every else capacity
        if position + tokens > room:
            raise ValueError(f"capacity = {room} is not enough for {tokens} tokens after {position}")
        super().__init__(precision, layer_name)
        self.model, self.tokens, self.position, self.capacity = model, tokens, position, capacity
        self.every = every
        self.rows = divide_up(capacity, every.block) * every.block if every else capacity
        """Number of positions of tables: whole blocks."""
        self.tables: dict[Rotary, tuple[str, ...]] = {}
        """Names of the tables of cosines and sines of each rotary embedding."""
        self.masks: dict[int, str] = {}
        """Names of the masks by sliding window."""

    def layers(self, residual: str) -> str:
        """Add the tables of rotary embedding and all layers."""
        for layer in range(self.model.num_hidden_layers):
            self._constants(layer)
        for layer in range(self.model.num_hidden_layers):
            self.layer = layer
            residual = self.network(self.attention(residual))
        self.layer = None
        return residual

    def _constants(self, layer: int) -> None:
        """Add the tables that a layer needs, if no layer before it has added them."""
        rotary = self.model.rotary(layer, self.capacity)
        if rotary and rotary not in self.tables:
            name = f"rotary.{len(self.tables)}" if self.tables else "rotary"
            self.tables[rotary] = tuple(
                self.add(f"{name}.{part}", Kind.CONSTANT, m=self.rows, n=self.model.head_dim, rotary=rotary)
                for part in (COSINES, SINES)
            )
        window, first = self._window(layer)
        if self.every:
            self._mask_of_every_position(window, self.every)
            return
        last_hidden = self.position + self.tokens - 1 - window
        if window and last_hidden >= first and window not in self.masks:
            rows: dict[str, Any] = {
                "m": self.tokens,
                "n": self.position + self.tokens - first,
                "first": first,
                "window": window,
            }
            # Every program has masks of its own.
            name = f"{MASK}.{window}.{self.position}.{self.tokens}"
            self.masks[window] = self.add(name, Kind.CONSTANT, position=self.position, **rows)

    def _mask_of_every_position(self, window: int, every: EveryPosition) -> None:
        """Add the mask of a window, or of all positions so far, if it is not there yet."""
        if window not in self.masks:
            shape: dict[str, Any] = {"m": self.tokens, "n": every.read, "capacity": self.rows, "block": every.block}
            name = f"{MASK}.{window}.{self.tokens}" if window else f"{MASK}.{self.tokens}"
            self.masks[window] = self.add(
                name, Kind.CONSTANT, position=self.position, window=window, every_position=True, **shape
            )

    def _window(self, layer: int) -> tuple[int, int]:
        """Return the sliding window of a layer, 0 if it hides no position of the cache, and the first position read."""
        window = self.model.window(layer)
        if not 0 < window < self.capacity:
            return 0, 0
        if self.every:
            return window, 0
        step = self.precision.window_step
        return window, max(0, self.position - window + 1) // step * step

    def attention(self, residual: str) -> str:
        """Add the first half of a layer; return its sum with the residual."""
        model, tokens = self.model, self.tokens
        heads, shared, size = model.num_attention_heads, model.num_key_value_heads, model.head_dim
        normed = self.norm(NORM, residual)
        bias = model.attention_bias or model.qkv_bias
        query = self.rotated(self.matmul(QUERY, normed, heads * size, bias), "q", heads)
        key = self.matmul(KEY, normed, shared * size, bias)
        value = self.matmul(VALUE, normed, shared * size, bias)
        assert self.layer is not None
        window, first = self._window(self.layer)
        context = self.position + tokens - first
        cached: dict[str, Any] = {"capacity": self.capacity, "position": self.position, "first": first}
        if self.every:
            context = self.every.read
            cached |= {"capacity": self.every.block, "every_position": True}
        cache: dict[str, Any] = {"m": tokens, "n": size, "heads": shared, **cached}
        key_scale = self.precision.key_scale
        rotated = self.rotated(key, "k", shared)
        keys = self.add("cache.keys", Kind.KV_APPEND, rotated, cache_scale=key_scale, **cache)
        values = self.add("cache.values", Kind.KV_APPEND, value, **cache)
        # The query heads of one token that share keys are the rows of one product.
        group = heads // shared
        shape: dict[str, Any] = (
            {"m": group, "heads": shared} if tokens == 1 else {"m": tokens, "heads": heads, "shared": group}
        )
        # The mask of every position hides later positions, too.
        shape |= {**cached, "causal": tokens > 1 and not self.every, "window": window}
        if self.every and self.every.repeated:
            shape["block"] = context
        row: dict[str, Any] = {"row": "attention"}
        masks = [self.masks[window]] if window in self.masks else []
        scores = self.add(
            "self_attn.scores", Kind.SCORES, query, keys, *masks, k=size, n=context, factor=model.score_factor,
            cache_scale=key_scale, **shape, **row,
        )  # fmt: skip
        if model.attn_logit_softcapping:
            cap = model.attn_logit_softcapping
            scores = self.add("self_attn.capped", Kind.SOFT_CAP, scores, n=context, cap=cap, **shape, **row)
        softmax = self.add("self_attn.softmax", Kind.SOFTMAX, scores, n=context, **shape, **row)
        mixed = self.add(
            "self_attn.weighted_sum", Kind.WEIGHTED_SUM, softmax, values, k=context, n=size, **shape, **row
        )
        merged = self.add("mixed", Kind.MERGE_HEADS, mixed, m=tokens, n=heads * size)
        factor = model.residual_multiplier
        output = self.matmul(OUTPUT, merged, model.hidden_size, model.attention_bias, factor)
        if model.post_norms:
            output = self.norm(FIRST_POST_NORM, output)
        return self.sum("self_attn.add", residual, output, row=OUTPUT)

    def network(self, residual: str) -> str:
        """Add the second half of a layer; return its sum with the residual."""
        model = self.model
        normed = self.norm(PRE_NORM if model.post_norms else SECOND_NORM, residual)
        gate, up = (self.matmul(part, normed, model.intermediate_size, model.mlp_bias) for part in (GATE, UP))
        kind = Kind.SILU_MULTIPLY if model.activation == "silu" else Kind.GELU_MULTIPLY
        gated = self.add("mlp.gated", kind, gate, up, m=self.tokens, n=model.intermediate_size)
        output = self.matmul(DOWN, gated, model.hidden_size, model.mlp_bias, model.residual_multiplier)
        if model.post_norms:
            output = self.norm(LAST_POST_NORM, output)
        return self.sum("mlp.add", residual, output, row="output")

    def head(self, residual: str, tokens: int, columns: int) -> str:
        """Add the last norm and some logits of the last tokens."""
        self.tokens = tokens
        logits = self.matmul(HEAD, self.norm(FINAL_NORM, residual), columns, factor=1 / self.model.logits_scaling)
        return self.add("logits", Kind.LOGITS, logits, m=tokens, n=columns)

    def rotated(self, source: str, name: str, heads: int) -> str:
        """Add the norm and the rotary embedding of query heads or key heads, each if the layer has it."""
        size, row = self.model.head_dim, f"self_attn.{name}_proj"
        if self.model.qk_norm:
            source = self.norm(f"self_attn.{name}_norm", source, size, heads)
        assert self.layer is not None
        rotary = self.model.rotary(self.layer, self.capacity)
        if rotary is None:
            return source
        shape: dict[str, Any] = {
            "m": self.tokens,
            "n": size,
            "heads": heads,
            "position": self.position,
            "capacity": self.rows,
        }
        return self.add(f"self_attn.rope_{name}", Kind.ROPE, source, *self.tables[rotary], row=row, **shape)

    def norm(self, part: str, source: str, columns: int = 0, heads: int = 1) -> str:
        """Add a norm of whole rows, or of each head of a row."""
        shape: dict[str, Any] = {"m": self.tokens, "n": columns or self.model.hidden_size, "heads": heads}
        return self.add(part, Kind.RMS_NORM, source, epsilon=self.model.rms_norm_eps, **shape)

    def matmul(self, part: str, source: str, columns: int, bias: bool = False, factor: float = 1.0) -> str:
        """Add a product with a weight matrix."""
        k = self.operators[source].n
        return self.add(part, Kind.MATMUL, source, m=self.tokens, k=k, n=columns, bias=bias, factor=factor)

    def sum(self, part: str, residual: str, term: str, row: str) -> str:
        """Add the residual to a product's result."""
        return self.add(part, Kind.ADD, residual, term, row=row, m=self.tokens, n=self.model.hidden_size)
