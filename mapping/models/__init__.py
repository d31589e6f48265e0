"""Models: their configurations, and families that turn them into operator graphs."""

from .config import DecoderConfig, LlamaConfig
from .load import load_model, model_names

__all__ = ["DecoderConfig", "LlamaConfig", "load_model", "model_names"]
