"""Writes the folder of the model: config.json, model.safetensors and tokenizer.json as Hugging Face has them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import load_file, save
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from .shape import Shape
from .task import END, WORDS

NAMES = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
    "g": "mlp.gate_proj", "u": "mlp.up_proj", "d": "mlp.down_proj",
    "n1": "input_layernorm", "n2": "post_attention_layernorm",
}  # fmt: skip
"""Names of the tensors of a layer in files, by those of training."""


def write_folder(folder: Path, shape: Shape, parameters: Mapping[str, Any]) -> None:
    """Write the model with weights as they are; gains are stored in F32, and all others in BF16.

    Raises
    ------
    ValueError
        If BF16 does not hold a weight exactly.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "_source": "benchmarks/own_model",
        "model_type": "llama",
        "vocab_size": len(WORDS),
        **asdict(shape),
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "eos_token_id": WORDS.index(END),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    named = {"model.embed_tokens.weight": parameters["emb"], "model.norm.weight": parameters["norm"]}
    for number, layer in enumerate(parameters["layers"]):
        named |= {f"model.layers.{number}.{NAMES[part]}.weight": values for part, values in layer.items()}
    tensors = {name: stored(np.asarray(values)) for name, values in named.items()}
    (folder / "model.safetensors").write_bytes(save(tensors))
    tokenizer().save(str(folder / "tokenizer.json"))


def read_folder(folder: Path, shape: Shape) -> dict[str, Any]:
    """Return the parameters of a folder that was written."""
    found = {name: each.astype(np.float32) for name, each in load_file(folder / "model.safetensors").items()}
    layers = [
        {part: found[f"model.layers.{number}.{name}.weight"] for part, name in NAMES.items()}
        for number in range(shape.num_hidden_layers)
    ]
    return {"layers": layers, "emb": found["model.embed_tokens.weight"], "norm": found["model.norm.weight"]}


def stored(values: np.ndarray) -> np.ndarray:
    """Return a tensor in the format of the file."""
    if values.ndim == 1:
        return values.astype(np.float32)
    short = values.astype(ml_dtypes.bfloat16)
    if (short.astype(np.float32) != values).any():
        raise ValueError("weights are not on the grid of INT4 and scales of a few bits")
    return short


def tokenizer() -> Tokenizer:
    """Return the tokenizer: a token for each word and mark, none for any other text."""
    found = Tokenizer(models.WordLevel({word: token for token, word in enumerate(WORDS)}, unk_token="<unknown>"))
    found.normalizer = normalizers.Lowercase()
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    # Words have spaces between them, and marks have none in front of them.
    found.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    found.add_special_tokens([END])
    return found
