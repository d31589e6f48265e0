"""Gemma: as Llama, with a GELU in the gate, embeddings times the root of their size, and gains of 1 + w."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import DecoderConfig

GELU = ("gelu", "gelu_pytorch_tanh")
"""Names of the function of the gate, all of which stand for the approximation with a hyperbolic tangent."""


class GemmaBase(DecoderConfig):
    """The part of a description that all generations of Gemma share."""

    KEYS = DecoderConfig.KEYS | {"attention_bias", "hidden_activation", "use_bidirectional_attention"}
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {
        "hidden_act": GELU,
        "hidden_activation": GELU,
        "use_bidirectional_attention": (False,),
    }
    DEFAULTS: ClassVar[dict[str, Any]] = {"head_dim": 256, "tie_word_embeddings": True}
    GAIN_OFFSET = 1.0

    @property
    def activation(self) -> str:
        return "gelu_pytorch_tanh"

    @property
    def embedding_factor(self) -> float:
        return float(self.hidden_size**0.5)


class GemmaConfig(GemmaBase):
    """Description of a decoder as in the first Gemma."""

    DEFAULTS: ClassVar[dict[str, Any]] = {
        **GemmaBase.DEFAULTS,
        "num_key_value_heads": 16,
        "max_position_embeddings": 8192,
    }

    model_type: Literal["gemma"] = "gemma"
