"""Lowering of operators that are at most one pass over their input."""

from dataclasses import replace

from tilewright.sim.graph.operator import Kind
from tilewright.sim.isa.vector_command import Function

from .constants import carried_bias
from .lowering import MAGNITUDE, PLAIN, Activation, Lowering, Result


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
    options = lowering.measure()
    scale = lowering.run(source, options, c=bias, out=out, to=f"{operator.name}.scale")
    return Activation(out, scale if options is not PLAIN else None)


def lower_smooth(lowering: Lowering) -> Result:
    """Lower the multiplication of columns of a projection's input by factors."""
    operator = lowering.operator
    factors = lowering.constant(operator.name, 1, operator.n)
    return lowering.smoothed(lowering.values(operator.inputs[0]), factors)


def lower_gated(lowering: Lowering) -> Result:
    """Lower the product of a function of a gate with the gated values."""
    operator = lowering.operator
    gate, up = (lowering.values(name) for name in operator.inputs)
    out = lowering.matrix(operator.name, operator.m, operator.n)
    function = Function.SILU if operator.kind is Kind.SILU_MULTIPLY else Function.GELU
    options = replace(MAGNITUDE, function=function)
    return Activation(out, lowering.run(gate, options, b=up, out=out, to=f"{operator.name}.scale"))


def lower_gelu(lowering: Lowering) -> Result:
    """Lower a GELU activation function."""
    operator = lowering.operator
    out = lowering.matrix(operator.name, operator.m, operator.n)
    gelu = replace(MAGNITUDE, function=Function.GELU)
    return Activation(
        out, lowering.run(lowering.values(operator.inputs[0]), gelu, out=out, to=f"{operator.name}.scale")
    )
