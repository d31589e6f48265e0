"""Workloads of models, for estimates."""

from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.sim.estimate.workload import Workload
from tilewright.sim.graph.precision import DEFAULT


def workload(model: DecoderConfig, *, phase: str, context: int) -> Workload:
    """Return one decode step of a model at a context, or the prompt phase of this many tokens, as a workload.

    Raises
    ------
    ConfigError
        If the model has no room for the context, or has an operator that no unit of the accelerator computes.
    """
    graph = llama.decode if phase == "decode" else llama.prefill
    return Workload.of(graph(model, context, DEFAULT))
