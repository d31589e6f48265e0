"""The operators of a Llama-style decoder: one decode step, or a run of prompt tokens."""

from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import BITS, SCALE_BITS, Precision

from .config import LlamaConfig


@dataclass(frozen=True)
class Workload:
    """Operators in an order in which each follows its inputs."""

    model: LlamaConfig
    phase: str
    tokens: int
    """Tokens that go through the model."""
    context: int
    """Positions in the cache once they have."""
    operators: tuple[Operator, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all products."""
        return sum(operator.macs for operator in self.operators)

    @property
    def dram_bytes(self) -> int:
        """Bytes read and written in main memory, every operator's data once."""
        return sum(operator.read_bytes + operator.written_bytes for operator in self.operators)


def decode(model: LlamaConfig, context: int, precision: Precision) -> Workload:
    """Return one decode step: one token that attends to ``context`` positions, its own included.

    Raises
    ------
    ConfigError
        If the model has no room for that context.
    """
    _check_positions(model, "context", context)
    run = _Run(model, precision, tokens=1, context=context)
    run.add_model(logits=True)
    return Workload(model, "decode", 1, context, tuple(run.operators))


def prefill(model: LlamaConfig, tokens: int, precision: Precision, *, chunk: int) -> Workload:
    """Return the prompt phase: ``tokens`` tokens in runs of at most ``chunk``, then the logits of the last.

    Raises
    ------
    ConfigError
        If the model has no room for so many tokens.
    """
    _check_positions(model, "tokens", tokens)
    operators: list[Operator] = []
    for start in range(0, tokens, chunk):
        end = min(start + chunk, tokens)
        run = _Run(
            model,
            precision,
            tokens=end - start,
            context=end,
            run=start // chunk if tokens > chunk else None,
            after=(operators[-1].name,) if operators else (),
        )
        run.add_model(logits=end == tokens)
        operators += run.operators
    return Workload(model, "prefill", tokens, tokens, tuple(operators))


def _check_positions(model: LlamaConfig, name: str, value: int) -> None:
    if not 1 <= value <= model.max_position_embeddings:
        raise ConfigError(
            f"{name} = {value} is not allowed: it must be 1 to max_position_embeddings = "
            f"{model.max_position_embeddings}"
        )


class _Run:
    """Collects the operators of ``tokens`` tokens that go through the model together."""

    def __init__(
        self,
        model: LlamaConfig,
        precision: Precision,
        *,
        tokens: int,
        context: int,
        run: int | None = None,
        after: tuple[str, ...] = (),
    ):
        self.model = model
        self.precision = precision
        self.tokens = tokens
        self.context = context
        self.run = run
        self.layer: int | None = None
        self.after = after
        self.operators: list[Operator] = []

    def add_model(self, *, logits: bool) -> None:
        """Add everything from the embedding to the logits, or to the last layer."""
        model = self.model
        hidden = model.hidden_size
        # One scale a column of the tied matrix is one a row of the embedding.
        row_bytes = self._bytes(hidden, BITS[self.precision.weights]) + self._vector_bytes(1)
        residual = self._add("embed_tokens", Kind.EMBED, self.after, n=hidden, read_bytes=self.tokens * row_bytes)
        for layer in range(model.num_hidden_layers):
            self.layer = layer
            residual = self._add_layer(residual)
        self.layer = None
        if logits:
            self.tokens = 1
            norm = self._norm("norm", residual)
            self._matmul("lm_head", norm, model.vocab_size, k=hidden)

    def _add_layer(self, residual: str) -> str:
        """Add one decoder layer; return the name of its result."""
        model = self.model
        hidden = model.hidden_size
        group = model.num_attention_heads // model.num_key_value_heads

        norm = self._norm("input_layernorm", residual)
        query = self._matmul("self_attn.q_proj", norm, model.attention_size, k=hidden)
        key = self._matmul("self_attn.k_proj", norm, model.key_value_size, k=hidden)
        value = self._matmul("self_attn.v_proj", norm, model.key_value_size, k=hidden)
        query = self._add("self_attn.rope_q", Kind.ROPE, (query,), n=model.attention_size)
        key = self._add("self_attn.rope_k", Kind.ROPE, (key,), n=model.key_value_size)
        attention = {"m": self.tokens * group, "heads": model.num_key_value_heads}
        cache = self._cache_bytes(self.context)
        keys = self._append("self_attn.append_k", key)
        scores = self._add(
            "self_attn.scores", Kind.SCORES, (query, keys),
            k=model.head_dim, n=self.context, read_bytes=cache, **attention,
        )  # fmt: skip
        probabilities = self._add("self_attn.softmax", Kind.SOFTMAX, (scores,), n=self.context, **attention)
        values = self._append("self_attn.append_v", value)
        mixed = self._add(
            "self_attn.weighted_sum", Kind.WEIGHTED_SUM, (probabilities, values),
            k=self.context, n=model.head_dim, read_bytes=cache, **attention,
        )  # fmt: skip
        output = self._matmul("self_attn.o_proj", mixed, hidden, k=model.attention_size)
        residual = self._add("self_attn.add", Kind.ADD, (residual, output), n=hidden)

        norm = self._norm("post_attention_layernorm", residual)
        gate = self._matmul("mlp.gate_proj", norm, model.intermediate_size, k=hidden)
        up = self._matmul("mlp.up_proj", norm, model.intermediate_size, k=hidden)
        gated = self._add("mlp.silu_multiply", Kind.SILU_MULTIPLY, (gate, up), n=model.intermediate_size)
        down = self._matmul("mlp.down_proj", gated, hidden, k=model.intermediate_size)
        return self._add("mlp.add", Kind.ADD, (residual, down), n=hidden)

    def _norm(self, step: str, source: str) -> str:
        hidden = self.model.hidden_size
        return self._add(step, Kind.RMS_NORM, (source,), n=hidden, read_bytes=self._vector_bytes(hidden))

    def _append(self, step: str, source: str) -> str:
        written = self._cache_bytes(self.tokens)
        return self._add(step, Kind.KV_APPEND, (source,), n=self.model.key_value_size, written_bytes=written)

    def _matmul(self, step: str, source: str, columns: int, *, k: int) -> str:
        weights = self._bytes(k * columns, BITS[self.precision.weights]) + self._vector_bytes(columns)
        if self.precision.group:
            weights += -(-k // self.precision.group) * columns
        return self._add(step, Kind.MATMUL, (source,), k=k, n=columns, read_bytes=weights)

    def _add(self, step: str, kind: Kind, inputs: tuple[str, ...], *, m: int | None = None, **sizes: int) -> str:
        """Add one operator; return its name."""
        operator = Operator(
            step=step, kind=kind, layer=self.layer, run=self.run, inputs=inputs, m=m or self.tokens, **sizes
        )
        self.operators.append(operator)
        return operator.name

    def _cache_bytes(self, positions: int) -> int:
        """Keys, or values, of some positions, with one scale for each head and position."""
        heads = self.model.num_key_value_heads * positions
        return self._bytes(heads * self.model.head_dim, BITS[self.precision.cache]) + self._vector_bytes(heads)

    def _vector_bytes(self, elements: int) -> int:
        return self._bytes(elements, SCALE_BITS)

    @staticmethod
    def _bytes(elements: int, bits: int) -> int:
        return -(-elements * bits // 8)
