"""Lowering: from a graph of operators to steps, with a function for each kind of operator."""

from collections.abc import Callable

from tilewright.base.errors import ConfigError
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind

from .attention import lower_attention
from .cache import lower_append, lower_rope
from .elementwise import lower_gated, lower_gelu, lower_input, lower_smooth
from .lowering import Lowered, Lowering, Result
from .norms import lower_layer_norm, lower_rms_norm
from .products import lower_add, lower_logits, lower_matmul

LOWERINGS: dict[Kind, Callable[[Lowering], Result]] = {
    Kind.INPUT: lower_input,
    Kind.MATMUL: lower_matmul,
    Kind.ADD: lower_add,
    Kind.LOGITS: lower_logits,
    Kind.RMS_NORM: lower_rms_norm,
    Kind.LAYER_NORM: lower_layer_norm,
    Kind.SMOOTH: lower_smooth,
    Kind.ROPE: lower_rope,
    Kind.KV_APPEND: lower_append,
    Kind.MERGE_HEADS: lower_attention,
    Kind.SILU_MULTIPLY: lower_gated,
    Kind.GELU_MULTIPLY: lower_gated,
    Kind.GELU: lower_gelu,
}
"""Functions that lower each kind of operator; the operator that merges heads lowers scores, softmax and weighted sums
head by head."""
LATER = (Kind.CONSTANT, Kind.SCORES, Kind.SOFTMAX, Kind.WEIGHTED_SUM)
"""Kinds of operators that are lowered where their results are used."""


def lower(graph: Graph) -> Lowered:
    """Return the steps of a part of a graph, which begins with its input; the last operator's result is the output.

    Raises
    ------
    ConfigError
        If no unit of the accelerator can compute an operator.
    """
    lowering = Lowering(graph)
    for operator in graph:
        if operator.kind in LATER:
            continue
        if operator.kind not in LOWERINGS:
            raise ConfigError(f"{operator.name}: no unit of the accelerator can compute a {operator.kind}")
        lowering.operator = operator
        lowering.results[operator.name] = LOWERINGS[operator.kind](lowering)
    return lowering.finish(lowering.values(graph.operators[-1].name))
