"""Gemma 2: as Gemma, with norms after attention and network, soft caps, and a sliding window in every other layer."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import PositiveFloat

from .gemma import GemmaBase


class Gemma2Base(GemmaBase):
    """The part of a description that Gemma 2 and Gemma 3 share."""

    KEYS = GemmaBase.KEYS | {
        "query_pre_attn_scalar", "sliding_window", "layer_types", "attn_logit_softcapping", "final_logit_softcapping",
    }  # fmt: skip
    DEFAULTS: ClassVar[dict[str, Any]] = {
        **GemmaBase.DEFAULTS,
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "sliding_window": 4096,
    }

    post_norms: Literal[True] = True
    query_pre_attn_scalar: PositiveFloat = 256.0
    """One over the square of the factor of scores."""

    @property
    def score_factor(self) -> float:
        return float(self.query_pre_attn_scalar**-0.5)

    @property
    def pattern(self) -> int:
        """Distance of the layers without a sliding window, if ``layer_types`` does not name them."""
        return 2

    def slides(self, layer: int) -> bool:
        return (layer + 1) % self.pattern != 0 if self.layer_types is None else super().slides(layer)


class Gemma2Config(Gemma2Base):
    """Description of a decoder as in Gemma 2."""

    DEFAULTS: ClassVar[dict[str, Any]] = {
        **Gemma2Base.DEFAULTS,
        "vocab_size": 256000,
        "max_position_embeddings": 8192,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
    }

    model_type: Literal["gemma2"] = "gemma2"
