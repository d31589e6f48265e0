"""What a transformer computes: models, operators, phases."""

from .model import ModelConfig, load_model, model_names
from .operator import Kind, Operator
from .transformer import Precision, Workload, decode, prefill

__all__ = [
    "Kind",
    "ModelConfig",
    "Operator",
    "Precision",
    "Workload",
    "decode",
    "load_model",
    "model_names",
    "prefill",
]
