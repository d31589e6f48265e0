"""The float64 reference: layers as their architectures define them, with which quantised layers are compared.

Tensors have the names that Hugging Face gives them; weights are (outputs, inputs).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .config import BertConfig, LlamaConfig
from .llama import EMBEDDINGS, FINAL_NORM, HEAD, layer_name, rotary_tables

Tensors = Mapping[str, np.ndarray]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two arrays as vectors."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def encoder_layer(model: BertConfig, tensors: Tensors, prefix: str, x: np.ndarray) -> np.ndarray:
    """Return a BERT layer's output for the (tokens, hidden) input ``x``."""
    x = encoder_attention(model, tensors, prefix, x)
    up = _linear(tensors, f"{prefix}intermediate.dense", x)
    gelu = up * (1 + np.vectorize(math.erf)(up / math.sqrt(2))) / 2
    x = x + _linear(tensors, f"{prefix}output.dense", gelu)
    return layer_norm(tensors, f"{prefix}output.LayerNorm", x, model.layer_norm_eps)


def encoder_attention(model: BertConfig, tensors: Tensors, prefix: str, x: np.ndarray) -> np.ndarray:
    """Return the first half of a BERT layer, its norm included."""

    def linear(part: str, values: np.ndarray) -> np.ndarray:
        return _linear(tensors, prefix + part, values)

    query, key, value = (
        _heads(linear(f"attention.self.{p}", x), model.num_attention_heads) for p in ("query", "key", "value")
    )
    mixed = _softmax(query @ key.transpose(0, 2, 1) / math.sqrt(model.head_dim)) @ value
    mixed = linear("attention.output.dense", mixed.transpose(1, 0, 2).reshape(x.shape))
    return layer_norm(tensors, f"{prefix}attention.output.LayerNorm", x + mixed, model.layer_norm_eps)


def decoder_logits(model: LlamaConfig, tensors: Tensors, tokens: Sequence[int]) -> np.ndarray:
    """Return the logits after each of some tokens, (tokens, vocabulary), the first token at position 0."""
    x = tensors[f"{EMBEDDINGS}.weight"][list(tokens)].astype(np.float64)
    for layer in range(model.num_hidden_layers):
        x = decoder_layer(model, tensors, layer_name(layer), x)
    return _linear(tensors, HEAD, rms_norm(tensors, FINAL_NORM, x, model.rms_norm_eps))


def decoder_layer(model: LlamaConfig, tensors: Tensors, prefix: str, x: np.ndarray) -> np.ndarray:
    """Return a Llama-style layer's output for the (tokens, hidden) input ``x``, the first token at position 0."""

    def linear(part: str, values: np.ndarray) -> np.ndarray:
        return _linear(tensors, prefix + part, values)

    def norm(part: str, values: np.ndarray) -> np.ndarray:
        return rms_norm(tensors, prefix + part, values, model.rms_norm_eps)

    tokens, half = len(x), model.head_dim // 2
    normed = norm("input_layernorm", x)
    query = _heads(linear("self_attn.q_proj", normed), model.num_attention_heads)
    key = _heads(linear("self_attn.k_proj", normed), model.num_key_value_heads)
    value = _heads(linear("self_attn.v_proj", normed), model.num_key_value_heads)
    if model.qk_norm:
        query, key = norm("self_attn.q_norm", query), norm("self_attn.k_norm", key)
    cos, sin = (table[:tokens] for table in rotary_tables(model.rope_theta, model.head_dim, tokens))
    query, key = (
        each * cos + np.concatenate([-each[..., half:], each[..., :half]], axis=-1) * sin for each in (query, key)
    )
    group = model.num_attention_heads // model.num_key_value_heads
    key, value = np.repeat(key, group, axis=0), np.repeat(value, group, axis=0)
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(model.head_dim)
    scores = np.where(np.tri(tokens, dtype=bool), scores, -np.inf)
    mixed = (_softmax(scores) @ value).transpose(1, 0, 2).reshape(tokens, -1)
    x = x + linear("self_attn.o_proj", mixed)
    normed = norm("post_attention_layernorm", x)
    gate = linear("mlp.gate_proj", normed)
    return x + linear("mlp.down_proj", gate / (1 + np.exp(-gate)) * linear("mlp.up_proj", normed))


def rms_norm(tensors: Tensors, name: str, x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return ``x`` divided by the root mean square of each row, times the gain."""
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon) * tensors[f"{name}.weight"]


def layer_norm(tensors: Tensors, name: str, x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return ``x`` normalised row by row."""
    x = x - x.mean(axis=-1, keepdims=True)
    x = x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon)
    return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def _linear(tensors: Tensors, name: str, x: np.ndarray) -> np.ndarray:
    y = x @ tensors[f"{name}.weight"].astype(np.float64).T
    return y + tensors[f"{name}.bias"] if f"{name}.bias" in tensors else y


def _heads(x: np.ndarray, heads: int) -> np.ndarray:
    """Return an array (tokens, heads * head size) as (heads, tokens, head size)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def _softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
