"""Encoders as in BERT: attention and a GELU network, each followed by a LayerNorm of its sum with its input."""

ATTENTION = "attention.self"
QUERY, KEY, VALUE = (f"{ATTENTION}.{part}" for part in ("query", "key", "value"))
OUTPUT, UP, DOWN = "attention.output.dense", "intermediate.dense", "output.dense"
NORM, LAST_NORM = "attention.output.LayerNorm", "output.LayerNorm"


def layer_name(layer: int, part: str = "") -> str:
    """Return the name of a part of a layer, as Hugging Face names its tensors."""
    return f"encoder.layer.{layer}.{part}"
