"""Mistral: as Llama, with a sliding window in all layers."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import DecoderConfig


class MistralConfig(DecoderConfig):
    """Description of a decoder as in Mistral."""

    KEYS = DecoderConfig.KEYS | {"sliding_window"}
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {"hidden_act": ("silu",)}
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
    }

    model_type: Literal["mistral"] = "mistral"
