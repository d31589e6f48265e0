"""What a transformer computes: models, operators, phases."""

from tilewright.sim.graph.operator import Kind, Operator

from .config import ModelConfig, load_model, model_names
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
