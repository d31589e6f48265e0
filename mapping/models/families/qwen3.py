"""Qwen3: as Qwen2, with a norm of each query head and key head in place of the biases."""

from typing import Any, ClassVar, Literal

from .qwen2 import QwenConfig


class Qwen3Config(QwenConfig):
    """Description of a decoder as in Qwen3."""

    KEYS = QwenConfig.KEYS | {"attention_bias"}
    DEFAULTS: ClassVar[dict[str, Any]] = {**QwenConfig.DEFAULTS, "head_dim": 128}

    model_type: Literal["qwen3"] = "qwen3"
    qk_norm: Literal[True] = True
