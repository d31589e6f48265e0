"""Lowering of products with weight matrices, and of the passes that scale their sums and may add a residual."""

from dataclasses import replace

from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind
from tilewright.sim.isa.vector_command import PassOptions, Reduce

from .constants import carries_bias
from .heads import quantised_heads
from .lowering import PLAIN, Activation, Lowering, Projected, Result


def lower_matmul(lowering: Lowering) -> Result:
    """Lower a matrix product.

    Where its result is added to a residual, the pass of the addition scales the sums, unless there is a bias that
    is not part of the residual already; see :func:`.constants.constant_contents`.
    """
    operator = lowering.operator
    added = lowering.read_by(Kind.ADD)
    if operator.bias and added and not carries_bias(lowering.graph, added[0]):
        added = []
    a = lowering.multiplied(operator.inputs[0])
    bias = lowering.constant(f"{operator.name}.bias", 1, operator.n) if operator.bias and not added else None
    projected = lowering.project(a, operator.name, operator.n, bias)
    if added or lowering.read_by(Kind.LOGITS):
        return projected
    readers = lowering.read_by(Kind.SCORES, Kind.KV_APPEND)
    if readers and not readers[0].capacity:
        return quantised_heads(lowering, projected, readers[0])
    out = lowering.matrix(operator.name, operator.m, operator.n)
    lowering.run_scaled(projected, out=out)
    return Activation(out)


def lower_add(lowering: Lowering) -> Result:
    """Lower a residual addition: the pass that scales a product's sums adds the residual, too, if nothing comes between
    them."""
    operator = lowering.operator
    results = [lowering.results[name] for name in operator.inputs]
    if not any(isinstance(each, Projected) for each in results):
        residual, term = (lowering.values(name) for name in operator.inputs)
        out = lowering.matrix(operator.name, operator.m, operator.n)
        lowering.run(term, c=residual, out=out)
        return Activation(out)
    [projected] = [each for each in results if isinstance(each, Projected)]
    [residual] = [each.values for each in results if isinstance(each, Activation)]
    options, to = PLAIN, ""
    for norm in lowering.read_by(Kind.LAYER_NORM):
        options, to = PassOptions(reduce=Reduce.SUM, scale=-1 / operator.n), f"{norm.name}.mean"
    out = lowering.matrix(operator.name, operator.m, operator.n)
    minus_mean, _ = lowering.run_scaled(replace(projected, addend=residual), options, out=out, to=to)
    return Activation(out, minus_mean=minus_mean if to else None)


def lower_logits(lowering: Lowering) -> Result:
    """Lower the pass that scales the last product's sums."""
    operator = lowering.operator
    projected = lowering.results[operator.inputs[0]]
    assert isinstance(projected, Projected)
    out = lowering.matrix(operator.name, operator.m, operator.n, stored.FP32)
    lowering.run_scaled(projected, out=out)
    return Activation(out)
