"""Models: their configurations, and families that make graphs of operators of them."""

from .config import LlamaConfig, load_model, model_names

__all__ = ["LlamaConfig", "load_model", "model_names"]
