"""Heads as parts of a matrix, and heads of projections as numbers that the array multiplies."""

from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.steps import Matrix

from .lowering import Lowering, Projected, Quantised, magnitude


def head_rows(matrix: Matrix, head: int) -> list[Matrix]:
    """Return matrices of rows of one head each: one matrix for each head or, for one token, all heads as rows of one
    matrix."""
    if matrix.rows == 1:
        return [matrix.reshaped(matrix.columns // head, head)]
    return [matrix.part(columns=slice(c, c + head)) for c in range(0, matrix.columns, head)]


def quantised_heads(lowering: Lowering, projected: Projected, reader: Operator) -> list[Quantised]:
    """Add the passes that scale a projection's sums and quantise its heads for their reader."""
    operator, precision = lowering.operator, lowering.operator.precision
    storage = precision.cache if reader.kind is Kind.KV_APPEND else stored.INT8
    size = operator.n // reader.heads
    parts = [slice(head * size, (head + 1) * size) for head in range(reader.heads)]
    out = lowering.matrix(operator.name, operator.m, operator.n)
    options = magnitude(storage)
    codes = lowering.matrix(f"{operator.name}.{storage}", operator.m, operator.n, storage)
    if precision.scales == "token":
        scale = lowering.run_scaled(projected, options, out=out, to=f"{operator.name}.scale")
        whole = lowering.quantised(out, scale, out=codes)
        return [whole.part(part) for part in parts]
    heads = []
    for head, part in enumerate(parts):
        values = out.part(columns=part)
        scale = lowering.run_scaled(projected.part(part), options, out=values, to=f"{operator.name}.{head}.scale")
        heads.append(lowering.quantised(values, scale, out=codes.part(columns=part)))
    return heads


def measured_heads(
    lowering: Lowering, values: Matrix, size: int, out: list[Matrix] | None = None, beside: int = 1
) -> list[Quantised]:
    """Add the passes that measure and quantise heads of ``size`` columns, into ``out`` if it is given.

    For one token each of ``beside`` matrices has every so many heads as its rows.
    """
    name = lowering.operator.name
    if out is None:
        out = head_rows(lowering.matrix(f"{name}.int8", values.rows, values.columns, stored.INT8), size)
    parts = [slice(first, first + size) for first in range(0, beside * size, size)]
    sources = [rows.part(columns=part) for rows in head_rows(values, beside * size) for part in parts]
    heads = []
    for index, (source, codes) in enumerate(zip(sources, out, strict=True)):
        scale = lowering.run(source, magnitude(codes.storage), to=f"{name}.{index}.scale")
        heads.append(lowering.quantised(source, scale, out=codes))
    return heads
