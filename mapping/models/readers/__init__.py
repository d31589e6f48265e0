"""Readers of models with their weights: Hugging Face folders, GGUF files, checkpoints of llama2.c."""

from .checkpoint import Checkpoint
from .read import read_model

__all__ = ["Checkpoint", "read_model"]
