"""Phi-3, Phi-3.5 and Phi-4-mini: as Llama, with long rotary embedding, a sliding window, and matrices that are stored
as one: queries, keys and values, and gate and up."""

from typing import Any, ClassVar, Literal

from tilewright.mapping.models.config import DecoderConfig


class Phi3Config(DecoderConfig):
    """Description of a decoder as in Phi-3."""

    KEYS = DecoderConfig.KEYS | {
        "sliding_window", "partial_rotary_factor", "original_max_position_embeddings", "attention_bias", "mlp_bias",
        "lm_head_bias", "full_attn_mod", "interpolate_factor",
    }  # fmt: skip
    ALLOWED: ClassVar[dict[str, tuple[object, ...]]] = {
        "hidden_act": ("silu",),
        "attention_bias": (False,),
        "mlp_bias": (False,),
        "lm_head_bias": (False,),
        "full_attn_mod": (1,),
        "interpolate_factor": (1,),
    }
    DEFAULTS: ClassVar[dict[str, Any]] = {"max_position_embeddings": 4096, "rms_norm_eps": 1e-5}

    model_type: Literal["phi3"] = "phi3"

    def stored_as(self, name: str) -> tuple[str, int]:
        layer, _, part = name.rpartition(".self_attn.")
        if part in ("q_proj.weight", "k_proj.weight", "v_proj.weight"):
            first = {"q": 0, "k": self.attention_size, "v": self.attention_size + self.key_value_size}
            return f"{layer}.self_attn.qkv_proj.weight", first[part[0]]
        layer, _, part = name.rpartition(".mlp.")
        if part in ("gate_proj.weight", "up_proj.weight"):
            return f"{layer}.mlp.gate_up_proj.weight", self.intermediate_size if part[0] == "u" else 0
        return name, 0

    @classmethod
    def translated(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Move the original context into the scaling, whose older names all mean longrope."""
        original = data.pop("original_max_position_embeddings", None)
        scaling = data.get("rope_scaling")
        if isinstance(scaling, dict):
            scaling = dict(scaling)
            if original is not None:
                scaling.setdefault("original_max_position_embeddings", original)
            if "yarn" in (scaling.get("type"), scaling.get("rope_type")):
                scaling = {**scaling, "rope_type": "longrope"}
                scaling.pop("type", None)
            data["rope_scaling"] = scaling
        return data
