"""What a transformer computes: models, operators, phases."""

from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision

from .config import LlamaConfig, load_model, model_names
from .transformer import Workload, decode, prefill

__all__ = [
    "Kind",
    "LlamaConfig",
    "Operator",
    "Precision",
    "Workload",
    "decode",
    "load_model",
    "model_names",
    "prefill",
]
