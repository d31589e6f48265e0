"""The float64 reference: layers as their architectures define them, with which quantised layers are compared.

Tensors have the names that Hugging Face gives them; weights are (outputs, inputs).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .config import BertConfig, DecoderConfig
from .embeddings import embedded
from .error_function import erf
from .llama import (
    DOWN,
    FINAL_NORM,
    FIRST_POST_NORM,
    GATE,
    HEAD,
    KEY,
    KEY_NORM,
    LAST_POST_NORM,
    NORM,
    OUTPUT,
    PRE_NORM,
    QUERY,
    QUERY_NORM,
    SECOND_NORM,
    UP,
    VALUE,
    layer_name,
)

Tensors = Mapping[str, np.ndarray]
OnInput = Callable[[str, np.ndarray], np.ndarray]
"""Function that takes the name of a product with weights and its input, (tokens, inputs), and returns the input with
which the product is computed: the same one, or one that is rounded. Queries, keys, values and probabilities go through
it, too, (heads, tokens, ...), under the names of :data:`ATTENTION_INPUTS`."""
QUERIES, KEYS, VALUES, PROBABILITIES = ATTENTION_INPUTS = tuple(
    f"attention.{part}" for part in ("queries", "keys", "values", "probabilities")
)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two arrays as vectors."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def encoder_layer(
    model: BertConfig,
    tensors: Tensors,
    prefix: str,
    x: np.ndarray,
    *,
    texts: Sequence[slice] = (slice(None),),
    on_input: OnInput | None = None,
) -> np.ndarray:
    """Return a BERT layer's output for the (tokens, hidden) input ``x``.

    Parameters
    ----------
    texts : sequence of slice
        Rows of the tokens that attend to each other; by default all of them.
    on_input : callable, optional
        Function through which the input of every product goes.
    """
    x = encoder_attention(model, tensors, prefix, x, texts=texts, on_input=on_input)
    up = _linear(tensors, f"{prefix}intermediate.dense", x, on_input)
    x = x + _linear(tensors, f"{prefix}output.dense", _gelu(up), on_input)
    return layer_norm(tensors, f"{prefix}output.LayerNorm", x, model.layer_norm_eps)


def encoder_attention(
    model: BertConfig,
    tensors: Tensors,
    prefix: str,
    x: np.ndarray,
    *,
    texts: Sequence[slice] = (slice(None),),
    on_input: OnInput | None = None,
) -> np.ndarray:
    """Return the first half of a BERT layer, its norm included; parameters as in :func:`encoder_layer`."""
    through = on_input or _unchanged

    def linear(part: str, values: np.ndarray) -> np.ndarray:
        return _linear(tensors, prefix + part, values, on_input)

    query, key, value = (
        through(prefix + name, _heads(linear(f"attention.self.{part}", x), model.num_attention_heads))
        for name, part in ((QUERIES, "query"), (KEYS, "key"), (VALUES, "value"))
    )
    mixed = np.empty_like(x)
    for rows in texts:
        scores = query[:, rows] @ key[:, rows].transpose(0, 2, 1) / math.sqrt(model.head_dim)
        found = through(prefix + PROBABILITIES, _softmax(scores)) @ value[:, rows]
        mixed[rows] = found.transpose(1, 0, 2).reshape(-1, x.shape[1])
    mixed = linear("attention.output.dense", mixed)
    return layer_norm(tensors, f"{prefix}attention.output.LayerNorm", x + mixed, model.layer_norm_eps)


def decoder_logits(model: DecoderConfig, tensors: Tensors, tokens: Sequence[int]) -> np.ndarray:
    """Return the logits after each of some tokens, (tokens, vocabulary), the first token at position 0."""
    return FloatDecoder(model, tensors, context=len(tokens)).logits(tokens)


@dataclass
class Cached:
    """Keys and values of a layer for the positions so far, (heads, positions, head size)."""

    keys: np.ndarray
    values: np.ndarray

    @classmethod
    def empty(cls, model: DecoderConfig) -> "Cached":
        """Return a cache of no positions."""
        nothing = np.zeros((model.num_key_value_heads, 0, model.head_dim))
        return cls(nothing, nothing)

    def append(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Add the keys and values of the next positions."""
        self.keys = np.concatenate([self.keys, keys], axis=1)
        self.values = np.concatenate([self.values, values], axis=1)


class FloatDecoder:
    """A decoder in float64 that keeps keys and values, so that a text can go through it in parts.

    Parameters
    ----------
    tensors : mapping
        Tensors by the names of :mod:`.tensors`; each is asked for whenever it is used.
    context : int
        Number of positions of the run, on which some kinds of scaling of rotary embedding depend.
    on_input : callable, optional
        Function through which the input of every product goes.
    """

    def __init__(self, model: DecoderConfig, tensors: Tensors, *, context: int, on_input: OnInput | None = None):
        self.model, self.tensors, self.context, self.on_input = model, tensors, context, on_input
        self.caches = [Cached.empty(model) for _ in range(model.num_hidden_layers)]
        self.layer_outputs: list[np.ndarray] = []
        """Output of each layer for the tokens of the last call, (tokens, hidden)."""

    def logits(self, tokens: Sequence[int]) -> np.ndarray:
        """Return the logits after each of the next tokens, (tokens, vocabulary).

        Raises
        ------
        ValueError
            If there are more tokens than positions.
        """
        return logits_of(self.model, self.tensors, self.normed(tokens), self.on_input)

    def normed(self, tokens: Sequence[int]) -> np.ndarray:
        """Return the input of the head for each of the next tokens, (tokens, hidden); the next call goes on after them.

        Raises
        ------
        ValueError
            If there are more tokens than positions.
        """
        model, tensors = self.model, self.tensors
        if self.caches[0].keys.shape[1] + len(tokens) > self.context:
            raise ValueError(f"context = {self.context} is not enough for {len(tokens)} more tokens")
        x = embedded(model, tensors, tokens)
        self.layer_outputs = []
        for layer, cache in enumerate(self.caches):
            x = decoder_layer(
                model, tensors, layer_name(layer), x, layer=layer, context=self.context, cache=cache,
                on_input=self.on_input,
            )  # fmt: skip
            self.layer_outputs.append(x)
        return rms_norm(tensors, FINAL_NORM, x, model.rms_norm_eps)


def logits_of(
    model: DecoderConfig, tensors: Tensors, normed: np.ndarray, on_input: OnInput | None = None
) -> np.ndarray:
    """Return the logits, (tokens, vocabulary), for the input of the head, (tokens, hidden)."""
    logits = _linear(tensors, HEAD, normed, on_input) / model.logits_scaling
    return capped(logits, model.final_logit_softcapping)


def decoder_layer(
    model: DecoderConfig,
    tensors: Tensors,
    prefix: str,
    x: np.ndarray,
    *,
    layer: int = 0,
    context: int | None = None,
    cache: Cached | None = None,
    on_input: OnInput | None = None,
) -> np.ndarray:
    """Return a decoder layer's output for the (tokens, hidden) input ``x``.

    Parameters
    ----------
    layer : int
        Number of the layer, which decides its window and its rotary embedding.
    context : int, optional
        Number of positions of the run, on which some kinds of scaling depend; by default the tokens.
    cache : Cached, optional
        Keys and values of the positions before, to which those of the tokens are added; by default there are none.
    on_input : callable, optional
        Function through which the input of every product goes.
    """
    cache = cache or Cached.empty(model)
    before = cache.keys.shape[1]
    through = on_input or _unchanged

    def linear(part: str, values: np.ndarray) -> np.ndarray:
        return _linear(tensors, prefix + part, values, on_input)

    def norm(part: str, values: np.ndarray) -> np.ndarray:
        return rms_norm(tensors, prefix + part, values, model.rms_norm_eps)

    tokens = len(x)
    normed = norm(NORM, x)
    query = _heads(linear(QUERY, normed), model.num_attention_heads)
    key = _heads(linear(KEY, normed), model.num_key_value_heads)
    value = _heads(linear(VALUE, normed), model.num_key_value_heads)
    if model.qk_norm:
        query, key = norm(QUERY_NORM, query), norm(KEY_NORM, key)
    rotary = model.rotary(layer, context or before + tokens)
    if rotary is not None:
        tables = [table[before:] for table in rotary.tables(before + tokens, model.head_dim)]
        query, key = rotated(query, *tables), rotated(key, *tables)
    query = through(prefix + QUERIES, query)
    cache.append(through(prefix + KEYS, key), through(prefix + VALUES, value))
    key, value = cache.keys, cache.values
    group = model.num_attention_heads // model.num_key_value_heads
    key, value = np.repeat(key, group, axis=0), np.repeat(value, group, axis=0)
    scores = capped(query @ key.transpose(0, 2, 1) * model.score_factor, model.attn_logit_softcapping)
    scores = np.where(seen(tokens, model.window(layer), before), scores, -np.inf)
    mixed = (through(prefix + PROBABILITIES, _softmax(scores)) @ value).transpose(1, 0, 2).reshape(tokens, -1)
    added = linear(OUTPUT, mixed) * model.residual_multiplier
    x = x + (norm(FIRST_POST_NORM, added) if model.post_norms else added)
    normed = norm(PRE_NORM if model.post_norms else SECOND_NORM, x)
    gated = GATES[model.activation](linear(GATE, normed)) * linear(UP, normed)
    added = linear(DOWN, gated) * model.residual_multiplier
    return x + (norm(LAST_POST_NORM, added) if model.post_norms else added)


def rotated(x: np.ndarray, cosines: np.ndarray, sines: np.ndarray) -> np.ndarray:
    """Return heads, (..., tokens, head size), after rotary embedding with a row of each table for each token."""
    half = x.shape[-1] // 2
    return x * cosines + np.concatenate([-x[..., half:], x[..., :half]], axis=-1) * sines


def seen(tokens: int, window: int, before: int = 0) -> np.ndarray:
    """Return which positions each token sees, (tokens, before + tokens) booleans: none after it, and the last
    ``window`` up to its own if that is not 0."""
    mask = np.tri(tokens, before + tokens, before, dtype=bool)
    return mask & ~np.tri(tokens, before + tokens, before - window, dtype=bool) if window else mask


def _silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def _unchanged(_: str, x: np.ndarray) -> np.ndarray:
    return x


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / math.sqrt(2))) / 2


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


GATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "silu": _silu,
    "gelu": _gelu,
    "gelu_pytorch_tanh": _gelu_tanh,
}
"""Functions of the gate of a network by the names that Hugging Face gives them."""


def capped(x: np.ndarray, cap: float | None) -> np.ndarray:
    """Return ``x`` with magnitudes kept below a soft cap, if there is one."""
    return cap * np.tanh(x / cap) if cap else x


def rms_norm(tensors: Tensors, name: str, x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return ``x`` divided by the root mean square of each row, times the gain."""
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon) * tensors[f"{name}.weight"]


def layer_norm(tensors: Tensors, name: str, x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return ``x`` normalised row by row."""
    x = x - x.mean(axis=-1, keepdims=True)
    x = x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon)
    return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def _linear(tensors: Tensors, name: str, x: np.ndarray, on_input: OnInput | None = None) -> np.ndarray:
    if on_input:
        x = on_input(name, x)
    y = x @ tensors[f"{name}.weight"].astype(np.float64, copy=False).T
    return y + tensors[f"{name}.bias"] if f"{name}.bias" in tensors else y


def _heads(x: np.ndarray, heads: int) -> np.ndarray:
    """Return an array (tokens, heads * head size) as (heads, tokens, head size)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def _softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
