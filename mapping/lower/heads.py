"""Heads as parts of a matrix, and heads of projections as numbers that products take."""

from tilewright.sim.formats import StoredFormat
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.steps import Matrix

from .lowering import Lowering, Projected, Quantised
from .operands import ARRAY, Operand, activations_of, cached_of


def head_rows(matrix: Matrix, head: int) -> list[Matrix]:
    """Return matrices of rows of one head each: one matrix for each head or, for one token, all heads as rows of one
    matrix."""
    if matrix.rows == 1:
        return [matrix.reshaped(matrix.columns // head, head)]
    return [matrix.part(columns=slice(c, c + head)) for c in range(0, matrix.columns, head)]


def quantised_heads(lowering: Lowering, source: Projected | Matrix, reader: Operator) -> list[Quantised]:
    """Add the steps that scale a projection's sums, if its result is not complete, and quantise its heads for their
    reader."""
    operator = lowering.operator
    operand, values = _taken_by(lowering, reader)
    size = operator.n // reader.heads
    parts = [slice(head * size, (head + 1) * size) for head in range(reader.heads)]
    options = operand.magnitude
    out = source if isinstance(source, Matrix) else lowering.matrix(operator.name, operator.m, operator.n)
    codes = None
    if operand.scaled or values or operand.storage != out.storage:
        codes = rows_for(lowering, reader, f"{operator.name}.{operand.storage}", operand.storage)

    def quantised(part: slice, to: str) -> Quantised:
        """Return some columns as numbers of the operand."""
        place = out.part(columns=part)
        if isinstance(source, Projected):
            scale = lowering.run_scaled(source.part(part), options, out=place, to=to)
        elif operand.scaled:
            scale = lowering.run(place, options, to=to)
        into = codes.part(columns=part) if codes else None
        scales = scale if operand.scaled else None
        return lowering.quantised(place, scales, operand=operand, out=into, recode=values)

    if operator.precision.scales == "token":
        whole = quantised(slice(None), f"{operator.name}.scale")
        return [whole.part(part) for part in parts]
    return [quantised(part, f"{operator.name}.{head}.scale") for head, part in enumerate(parts)]


def stored_as_made(lowering: Lowering, reader: Operator) -> bool:
    """Return whether heads that a job makes are the numbers that their reader takes."""
    operand, values = _taken_by(lowering, reader)
    return not (operand.scaled or values or operand.storage != lowering.operator.precision.activations)


def rows_for(lowering: Lowering, reader: Operator, name: str, storage: StoredFormat | None = None) -> Matrix:
    """Return a matrix for the operator's result: keys or values of some positions are rows of those of all."""
    operator, positions = lowering.operator, all_positions(lowering, reader)
    if positions == operator.m:
        return lowering.matrix(name, operator.m, operator.n, storage)
    whole = lowering.state(name, positions, operator.n, storage or operator.precision.activations, parts=1)
    return whole.part(rows=slice(operator.position, operator.position + operator.m))


def all_positions(lowering: Lowering, reader: Operator) -> int:
    """Return the number of positions of which the rows of an operator are a part: those that attention reads."""
    if reader.kind is not Kind.KV_APPEND:
        return reader.m
    [product] = lowering.graph.readers(reader.name)
    return product.n if product.kind is Kind.SCORES else product.k


def _taken_by(lowering: Lowering, reader: Operator) -> tuple[Operand, bool]:
    """Return the format of heads for their reader, and whether they are values of a product of the NPE."""
    if reader.kind is Kind.SCORES:
        return activations_of(reader), False
    [product] = lowering.graph.readers(reader.name)
    operand = cached_of(product)
    return operand, operand.npe and product.kind is Kind.WEIGHTED_SUM


def measured_heads(
    lowering: Lowering,
    values: Matrix,
    size: int,
    out: list[Matrix] | None = None,
    beside: int = 1,
    operand: Operand = ARRAY,
) -> list[Quantised]:
    """Add the steps that measure and quantise heads of ``size`` columns, into ``out`` if it is given.

    For one token each of ``beside`` matrices has every so many heads as its rows.
    """
    name = lowering.operator.name
    places: list[Matrix | None] = [*out] if out else []
    parts = [slice(first, first + size) for first in range(0, beside * size, size)]
    sources = [rows.part(columns=part) for rows in head_rows(values, beside * size) for part in parts]
    if out is None and (operand.scaled or operand.storage != values.storage):
        whole = lowering.matrix(f"{name}.{operand.storage}", values.rows, values.columns, operand.storage)
        places = [*head_rows(whole, size)]
    heads = []
    for index, source in enumerate(sources):
        scale = lowering.run(source, operand.magnitude, to=f"{name}.{index}.scale") if operand.scaled else None
        heads.append(lowering.quantised(source, scale, operand=operand, out=places[index] if places else None))
    return heads
