"""Operators of a transformer: what each computes, reads and writes, and what it waits for."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an operator does."""

    MATMUL = "matmul"
    """Product with a weight matrix, ``(m x k) @ (k x n)``."""
    SCORES = "scores"
    """Product of query heads with the key cache."""
    WEIGHTED_SUM = "weighted sum"
    """Product of attention probabilities with the value cache."""
    EMBED = "embed"
    """Rows of the embedding table."""
    RMS_NORM = "rms norm"
    ROPE = "rope"
    KV_APPEND = "kv append"
    """New keys or values into the cache."""
    SOFTMAX = "softmax"
    SILU_MULTIPLY = "silu multiply"
    """``silu(gate) * up``."""
    ADD = "add"
    """Residual addition."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator; bytes are those of main memory, activations stay on chip."""

    step: str
    """Its name within a layer, as in Hugging Face models."""
    kind: Kind
    layer: int | None = None
    """Decoder layer, counted from 0; none for what comes before and after the layers."""
    run: int | None = None
    """Run of prompt tokens, counted from 0; none if all tokens go through at once."""
    inputs: tuple[str, ...]
    """Operators whose results it needs."""
    m: int
    """Rows: tokens, times query heads for attention."""
    k: int = 0
    """Inner dimension of a product."""
    n: int = 0
    """Columns of a product; elements of a row otherwise."""
    heads: int = 1
    """Equal independent products (key-value heads) of this shape."""
    read_bytes: int = 0
    """Weights and cache read from main memory."""
    written_bytes: int = 0
    """Cache written to main memory."""

    @property
    def name(self) -> str:
        """Name that no other operator of the workload has."""
        run = [] if self.run is None else [f"runs.{self.run}"]
        layer = [] if self.layer is None else [f"layers.{self.layer}"]
        return ".".join([*run, *layer, self.step])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a product."""
        return self.heads * self.m * self.k * self.n

    @property
    def elements(self) -> int:
        """Elements of the result."""
        return self.heads * self.m * self.n
