"""A small decoder in a folder, with a tokenizer of words."""

import json
from pathlib import Path

import numpy as np

from tests.mapping.models.stored_models import WORDS, write_folder
from tests.mapping.tiny_models import tiny
from tilewright.mapping.models.seeded import seeded_model

SIZES = {
    "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 48,
    "num_hidden_layers": 2, "vocab_size": 40, "rope_scaling": None,
}  # fmt: skip
PROMPT = "once upon a time"


def write_text_model(folder: Path, seed: int = 1, **changes: object) -> Path:
    """Write a folder with a model that writes words; return it."""
    fields = {**SIZES, **changes}
    tensors = seeded_model(tiny("qwen3", **fields), seed=seed)
    write_folder(folder, "qwen3", {name: each.astype(np.float32) for name, each in tensors.items()}, **fields)
    words = {**WORDS["model"]["vocab"], **{f"w{number}": number for number in range(5, 40)}}
    (folder / "tokenizer.json").write_text(json.dumps({**WORDS, "model": {**WORDS["model"], "vocab": words}}))
    return folder
