"""Lowering of operators that are at most one pass over their input."""

from tilewright.sim.graph.operator import Kind
from tilewright.sim.isa.vector_command import Function

from .constants import carried_bias
from .lowering import Activation, Lowering, Result
from .operands import ARRAY


def lower_input(lowering: Lowering) -> Result:
    """Lower the input of a graph.

    If it is the residual of a product with a bias, the bias is added here; the biases of what reads it make up for that
    (see :func:`.constants.constant_contents`).
    """
    operator = lowering.operator
    source = lowering.source = lowering.matrix(operator.name, operator.m, operator.n)
    if not carried_bias(lowering.graph, operator):
        return Activation(source)
    out = lowering.matrix(f"{operator.name}.biased", operator.m, operator.n)
    bias = lowering.constant(f"{operator.name}.bias", 1, operator.n)
    return lowering.run_measured(source, c=bias, out=out, to=f"{operator.name}.scale")


def lower_smooth(lowering: Lowering) -> Result:
    """Lower the multiplication of columns of a projection's input by factors."""
    operator = lowering.operator
    factors = lowering.constant(operator.name, 1, operator.n)
    if lowering.taken_as != ARRAY:
        out = lowering.matrix(f"{operator.name}.values", operator.m, operator.n)
        values = lowering.values(operator.inputs[0])
        return lowering.run_measured(values, b=factors, out=out, to=f"{out.buffer.name}.scale")
    return lowering.smoothed(lowering.values(operator.inputs[0]), factors)


def lower_gated(lowering: Lowering) -> Result:
    """Lower the product of a function of a gate with the gated values."""
    operator = lowering.operator
    gate, up = (lowering.values(name) for name in operator.inputs)
    complete = _is_complete(lowering)
    out = lowering.matrix(operator.name, operator.m, operator.n)
    function = Function.SILU if operator.kind is Kind.SILU_MULTIPLY else Function.GELU
    function = Function.NONE if complete else function
    return lowering.run_measured(gate, function=function, b=up, out=out, to=f"{operator.name}.scale")


def _is_complete(lowering: Lowering) -> bool:
    """Return whether a job has applied the operator's function to its first input."""
    result = lowering.results[lowering.operator.inputs[0]]
    return isinstance(result, Activation) and result.complete


def lower_gelu(lowering: Lowering) -> Result:
    """Lower a GELU activation function."""
    operator = lowering.operator
    if _is_complete(lowering):
        return Activation(lowering.values(operator.inputs[0]))
    out = lowering.matrix(operator.name, operator.m, operator.n)
    values = lowering.values(operator.inputs[0])
    return lowering.run_measured(values, function=Function.GELU, out=out, to=f"{operator.name}.scale")
