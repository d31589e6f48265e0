"""Decoders as in Llama: attention over a cache and a gated SiLU network, each after an RMSNorm."""

import numpy as np

from .config import LlamaConfig

QUERY, KEY, VALUE, OUTPUT = (f"self_attn.{part}_proj" for part in "qkvo")
QUERY_NORM, KEY_NORM = "self_attn.q_norm", "self_attn.k_norm"
GATE, UP, DOWN = (f"mlp.{part}_proj" for part in ("gate", "up", "down"))
NORM, SECOND_NORM = "input_layernorm", "post_attention_layernorm"
FINAL_NORM, HEAD = "model.norm", "lm_head"


def layer_name(layer: int, part: str = "") -> str:
    """Return the name of a part of a layer, as Hugging Face names its tensors."""
    return f"model.layers.{layer}.{part}"


def rotary_tables(model: LlamaConfig, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines and sines of rotary embedding, each (positions, head size), float64."""
    frequencies = model.rope_theta ** (-np.arange(0, model.head_dim, 2) / model.head_dim)
    angles = np.tile(np.arange(positions)[:, None] * frequencies, 2)
    return np.cos(angles), np.sin(angles)
