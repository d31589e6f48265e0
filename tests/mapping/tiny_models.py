"""A tiny model of each family, with everything in which the family differs from others."""

from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.families import DECODERS

SIZES = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 64,
}
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
OPTIONS = {
    "llama": {"attention_bias": True, "mlp_bias": True, "rope_scaling": LLAMA3},
    "mistral": {"sliding_window": 8},
    "qwen2": {"use_sliding_window": True, "max_window_layers": 2, "sliding_window": 8,
              "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}},
    "qwen3": {"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    "phi3": {"head_dim": 12, "partial_rotary_factor": 0.5, "original_max_position_embeddings": 8,
             "rope_scaling": {"type": "longrope", "long_factor": [1.0, 2.0, 3.0], "short_factor": [1.0, 1.25, 1.5]}},
    "smollm3": {"no_rope_layers": [1, 1, 0]},
    "granite": {"embedding_multiplier": 12.0, "residual_multiplier": 0.22, "attention_multiplier": 0.1,
                "logits_scaling": 8.0},
    "gemma": {"num_key_value_heads": 1, "head_dim": 32},
    "gemma2": {"sliding_window": 8, "query_pre_attn_scalar": 20},
    "gemma3_text": {"sliding_window": 8, "sliding_window_pattern": 3, "num_hidden_layers": 7},
}  # fmt: skip
"""Keys of each family's ``config.json`` besides sizes."""


def tiny(family: str, **changes: object) -> DecoderConfig:
    """Return the tiny model of a family."""
    return DECODERS[family].model_validate({**SIZES, **OPTIONS[family], "model_type": family, **changes})
