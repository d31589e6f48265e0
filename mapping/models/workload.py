"""Workloads of models, for estimates."""

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.config import Transformer
from tilewright.mapping.models.phases import DECODE, ENCODE, graph_of
from tilewright.sim.estimate.workload import Workload
from tilewright.sim.graph.precision import DEFAULT


def workload(model: Transformer, *, phase: str, context: int) -> Workload:
    """Return one decode step of a model at a context, or the prompt phase of this many tokens, as a workload.

    Raises
    ------
    ConfigError
        If the model is an encoder, has no room for the context, or has an operator that no unit of the accelerator
        computes.
    """
    if phase == ENCODE:
        raise ConfigError(f"phase = {phase!r} is not allowed: estimates without a program exist for {DECODE}")
    return Workload.of(graph_of(model, DEFAULT, phase=phase, context=context))
