"""Lowering of products with weight matrices, and of the passes that scale their sums and may add a residual."""

from dataclasses import replace
from typing import Any

from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.descriptor import Activation as DescriptorFunction
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.isa.vector_command import PassOptions, Reduce

from .constants import carries_bias
from .heads import quantised_heads, rows_for, stored_as_made
from .lowering import PLAIN, Activation, Lowering, Projected, Quantised, Result
from .operands import activations_of

FUNCTIONS = {
    Kind.GELU: DescriptorFunction.GELU,
    Kind.GELU_MULTIPLY: DescriptorFunction.GELU,
    Kind.SILU_MULTIPLY: DescriptorFunction.SILU,
}
"""Functions that a job's epilogue applies for the operator that reads its result."""


def lower_matmul(lowering: Lowering) -> Result:
    """Lower a matrix product.

    Where its result is added to a residual, the pass of the addition scales the sums, unless there is a bias that
    is not part of the residual already; see :func:`.constants.constant_contents`.
    """
    operator = lowering.operator
    added = lowering.read_by(Kind.ADD)
    if operator.bias and added and not carries_bias(lowering.graph, added[0]):
        added = []
    operand = activations_of(operator)
    parts = lowering.multiplied(operator.inputs[0], operand)
    if not operand.scaled:
        return _lower_job(lowering, parts[0])
    addend = lowering.constant(f"{operator.name}.bias", 1, operator.n) if operator.bias and not added else None
    if added and len(parts) > 1:
        # The pass of the addition adds the sums of the other parts.
        addend = _residual(lowering, added[0])
    projected = lowering.project(parts, operator.name, operator.n, addend)
    if added or lowering.read_by(Kind.LOGITS):
        return projected
    readers = lowering.read_by(Kind.SCORES, Kind.KV_APPEND)
    if readers and not readers[0].capacity:
        return quantised_heads(lowering, projected, readers[0])
    storage = operator.precision.attention if lowering.read_by(Kind.ROPE) else None
    out = lowering.matrix(operator.name, operator.m, operator.n, storage)
    lowering.run_scaled(projected, out=out)
    return Activation(out)


def _residual(lowering: Lowering, addition: Operator) -> Matrix:
    """Return what an addition adds to the operator's result."""
    [residual] = [name for name in addition.inputs if name != lowering.operator.name]
    return lowering.values(residual)


def _lower_job(lowering: Lowering, a: Quantised) -> Result:
    """Lower a product on the NPE in a format without scales: one job, which adds bias and residual, or applies the
    function of the only operator that reads the result."""
    operator, graph = lowering.operator, lowering.graph
    added = lowering.read_by(Kind.ADD)
    carried = bool(added) and carries_bias(graph, added[0])
    parts: dict[str, Any] = {}
    if operator.bias and not carried:
        parts["bias"] = lowering.constant(f"{operator.name}.bias", 1, operator.n)
    if lowering.read_by(Kind.LOGITS):
        sums = lowering.matrix(f"{operator.name}.sums", operator.m, operator.n, stored.BF16)
        lowering.multiply(a, operator.name, sums, **parts)
        return Projected(sums, None, None, None)
    if added:
        parts["residual"] = _residual(lowering, added[0])
    elif function := _function(lowering):
        parts["activation"] = function
    readers = [each for each in lowering.read_by(Kind.SCORES, Kind.KV_APPEND) if not each.capacity]
    if readers and stored_as_made(lowering, readers[0]):
        out = rows_for(lowering, readers[0], operator.name)
    else:
        out = lowering.matrix(operator.name, operator.m, operator.n)
    lowering.multiply(a, operator.name, out, **parts)
    if readers:
        return quantised_heads(lowering, out, readers[0])
    return Activation(out, complete="residual" in parts or "activation" in parts)


def _function(lowering: Lowering) -> DescriptorFunction:
    """Return the function that the only reader of the operator's result applies to it."""
    readers = lowering.graph.readers(lowering.operator.name)
    if len(readers) != 1 or readers[0].inputs[0] != lowering.operator.name:
        return DescriptorFunction.NONE
    return FUNCTIONS.get(readers[0].kind, DescriptorFunction.NONE)


def lower_add(lowering: Lowering) -> Result:
    """Lower a residual addition: the pass that scales a product's sums adds the residual, too, if nothing comes between
    them."""
    operator = lowering.operator
    results = [lowering.results[name] for name in operator.inputs]
    for each in results:
        if isinstance(each, Activation) and each.complete:
            return _measured_mean(lowering, each.values)
    if not any(isinstance(each, Projected) for each in results):
        residual, term = (lowering.values(name) for name in operator.inputs)
        out = lowering.matrix(operator.name, operator.m, operator.n)
        lowering.run(term, c=residual, out=out)
        return Activation(out)
    [projected] = [each for each in results if isinstance(each, Projected)]
    [residual] = [each.values for each in results if isinstance(each, Activation)]
    options, to = _mean(lowering)
    out = lowering.matrix(operator.name, operator.m, operator.n)
    projected = replace(projected, addend=projected.addend or residual)
    minus_mean, _ = lowering.run_scaled(projected, options, out=out, to=to)
    return Activation(out, minus_mean=minus_mean if to else None)


def _mean(lowering: Lowering) -> tuple[PassOptions, str]:
    """Return the options of a pass that finds the negative means of rows if a LayerNorm reads them, and their name."""
    options, to = PLAIN, ""
    for norm in lowering.read_by(Kind.LAYER_NORM):
        options, to = PassOptions(reduce=Reduce.SUM, scale=-1 / lowering.operator.n), f"{norm.name}.mean"
    return options, to


def _measured_mean(lowering: Lowering, out: Matrix) -> Activation:
    """Return a sum that a job has made, with the negative means of its rows if a LayerNorm reads it."""
    options, to = _mean(lowering)
    if not to:
        return Activation(out)
    minus_mean, _ = lowering.run(out, options, to=to)
    return Activation(out, minus_mean=minus_mean)


def lower_logits(lowering: Lowering) -> Result:
    """Lower the pass that scales the last product's sums."""
    operator = lowering.operator
    projected = lowering.results[operator.inputs[0]]
    assert isinstance(projected, Projected)
    out = lowering.matrix(operator.name, operator.m, operator.n, stored.FP32)
    lowering.run_scaled(projected, out=out)
    return Activation(out)
