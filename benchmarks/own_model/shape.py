"""Sizes of the model that comes with Tilewright."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder, by the names of a ``config.json``.

    Multiples of the rows and columns of the small presets' arrays; a head has twice as many elements as the widest of
    their vector units has lanes.
    """

    num_hidden_layers: int = 3
    hidden_size: int = 64
    intermediate_size: int = 128
    num_attention_heads: int = 2
    num_key_value_heads: int = 2
    head_dim: int = 32
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5
    max_position_embeddings: int = 64


SHAPE = Shape()
