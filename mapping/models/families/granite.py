"""Granite 3: as Llama, with factors of embeddings, scores, residual and logits."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import DecoderConfig


class GraniteConfig(DecoderConfig):
    """Description of a decoder as in Granite."""

    KEYS = DecoderConfig.KEYS | {
        "attention_bias", "mlp_bias", "embedding_multiplier", "residual_multiplier", "attention_multiplier",
        "logits_scaling",
    }  # fmt: skip
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {"hidden_act": ("silu",)}
    DEFAULTS: ClassVar[dict[str, Any]] = {"attention_multiplier": 1.0}

    model_type: Literal["granite"] = "granite"
