"""Qwen2 and Qwen2.5: as Llama, with biases of queries, keys and values, and a sliding window in the later layers."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import DecoderConfig, Size


class QwenConfig(DecoderConfig):
    """The part of a description that Qwen2 and Qwen3 share."""

    KEYS = DecoderConfig.KEYS | {"use_sliding_window", "sliding_window", "max_window_layers", "layer_types"}
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {"hidden_act": ("silu",)}
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "num_key_value_heads": 32,
        "max_position_embeddings": 32768,
        "sliding_window": 4096,
    }

    use_sliding_window: bool = False
    """Flag: some layers have the sliding window."""
    max_window_layers: Size | Literal[0] = 28
    """Number of layers at the beginning that have no sliding window."""

    def slides(self, layer: int) -> bool:
        if not self.use_sliding_window:
            return False
        return layer >= self.max_window_layers if self.layer_types is None else super().slides(layer)


class Qwen2Config(QwenConfig):
    """Description of a decoder as in Qwen2."""

    model_type: Literal["qwen2"] = "qwen2"
    qkv_bias: Literal[True] = True
