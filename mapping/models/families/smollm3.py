"""SmolLM3: as Llama, with layers that have no rotary embedding."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import DecoderConfig, Size


class SmolLM3Config(DecoderConfig):
    """Description of a decoder as in SmolLM3."""

    KEYS = DecoderConfig.KEYS | {
        "no_rope_layers", "no_rope_layer_interval", "use_sliding_window", "sliding_window", "max_window_layers",
        "layer_types", "attention_bias", "mlp_bias",
    }  # fmt: skip
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {"hidden_act": ("silu",)}
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "num_key_value_heads": 4,
        "max_position_embeddings": 32768,
        "rope_theta": 2000000.0,
        "tie_word_embeddings": True,
    }

    model_type: Literal["smollm3"] = "smollm3"
    no_rope_layer_interval: Size = 4
    """Distance of the layers without rotary embedding, if ``no_rope_layers`` does not name them."""
    use_sliding_window: bool = False
    """Flag: layers without rotary embedding have the sliding window, if ``layer_types`` does not say which have."""

    def turns(self, layer: int) -> bool:
        if self.no_rope_layers is None:
            return (layer + 1) % self.no_rope_layer_interval != 0
        return super().turns(layer)

    def slides(self, layer: int) -> bool:
        if not self.use_sliding_window:
            return False
        return not self.turns(layer) if self.layer_types is None else super().slides(layer)
