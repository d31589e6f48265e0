"""Embeddings of tokens, looked up row by row."""

from collections.abc import Mapping, Sequence

import numpy as np

from .config import DecoderConfig
from .llama import EMBEDDINGS
from .rows import rows_of


def embedded(model: DecoderConfig, tensors: Mapping[str, np.ndarray], tokens: Sequence[int]) -> np.ndarray:
    """Return the embeddings of some tokens with the factor of the model, (tokens, hidden) float64."""
    return rows_of(tensors, f"{EMBEDDINGS}.weight", list(tokens)).astype(np.float64) * model.embedding_factor
