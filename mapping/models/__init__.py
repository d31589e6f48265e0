"""Models: their configurations, and families that turn them into operator graphs."""

from .config import LlamaConfig, load_model, model_names

__all__ = ["LlamaConfig", "load_model", "model_names"]
