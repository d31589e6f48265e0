"""Lowering of norms of rows, or of the heads of rows."""

from tilewright.sim.graph.operator import Engine, Kind
from tilewright.sim.isa.steps import Matrix, Scalars
from tilewright.sim.isa.vector_command import Inverse, PassOptions, Reduce

from .heads import head_rows
from .lowering import Activation, Lowering, Result


def lower_rms_norm(lowering: Lowering) -> Result:
    """Lower an RMSNorm: a pass for the mean squares of rows, and one that applies their inverse roots and the gains."""
    operator = lowering.operator
    x = lowering.values(operator.inputs[0])
    storage = operator.precision.attention if lowering.read_by(Kind.ROPE) else None
    out = lowering.matrix(operator.name, x.rows, x.columns, storage)
    if operator.heads == 1 and operator.n == x.columns:
        return _root_mean_square(lowering, x, out)
    for source, result in zip(head_rows(x, operator.n), head_rows(out, operator.n), strict=True):
        _root_mean_square(lowering, source, result)
    return Activation(out)


def _root_mean_square(lowering: Lowering, x: Matrix, out: Matrix) -> Activation:
    """Add the passes of a norm."""
    operator = lowering.operator
    name = f"{operator.name}.{out.offset}"
    inverse = None if operator.engine is Engine.HOST else _inverse_root(lowering, x, f"{name}.mean_square")
    gains = lowering.constant(f"{operator.name}.weight", 1, x.columns)
    return lowering.run_measured(x, multiply=inverse, b=gains, out=out, to=f"{name}.scale")


def _inverse_root(lowering: Lowering, x: Matrix, to: str) -> Scalars:
    """Add the pass of mean squares; return their inverse roots."""
    operator = lowering.operator
    count = operator.head.size if operator.head else x.columns
    squares = PassOptions(
        square=True, reduce=Reduce.SUM, scale=1 / count, offset=operator.epsilon, inverse=Inverse.RSQRT
    )
    return lowering.run(x, squares, to=to)[1]


def lower_layer_norm(lowering: Lowering) -> Result:
    """Lower a LayerNorm, whose means the pass before it has measured: a pass for variances, and one that applies them.

    What is stored contains the bias of the product to which the result is added, if there is one.
    """
    operator = lowering.operator
    total = lowering.results[operator.inputs[0]]
    assert isinstance(total, Activation)
    assert total.minus_mean is not None, f"{operator.name}: its input has no means"
    minus_mean = total.minus_mean
    variance = PassOptions(
        square=True, reduce=Reduce.SUM, scale=1 / operator.n, offset=operator.epsilon, inverse=Inverse.RSQRT
    )
    _, inverse = lowering.run(total.values, variance, add=minus_mean, to=f"{operator.name}.variance")
    out = lowering.matrix(operator.name, operator.m, operator.n)
    gains, biases = (lowering.constant(f"{operator.name}.{part}", 1, operator.n) for part in ("weight", "bias"))
    return lowering.run_measured(
        total.values, add=minus_mean, multiply=inverse, b=gains, c=biases, out=out, to=f"{operator.name}.scale"
    )
