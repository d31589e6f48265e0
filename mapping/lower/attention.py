"""Lowering of attention, head by head: scores, softmax, weighted sum."""

from dataclasses import dataclass, replace

from tilewright.base.errors import ConfigError
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.isa.steps import Matrix, Product, Scalars
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce

from .heads import head_rows, measured_heads
from .lowering import MAGNITUDE, PLAIN, Activation, Lowering, Quantised, Result, Stored


@dataclass(frozen=True)
class _Scores:
    """Scores of a head's rows, and the negative of each row's maximum, if the accelerator runs the softmax."""

    values: Matrix
    minus_maximum: Scalars | None


def lower_attention(lowering: Lowering) -> Result:
    """Lower attention with the operator that merges heads: one head after the other, so that heads can overlap."""
    graph, merge = lowering.graph, lowering.operator
    weighted = graph[merge.inputs[0]]
    softmax = graph[weighted.inputs[0]]
    scores = graph[softmax.inputs[0]]
    while scores.kind is not Kind.SCORES:
        scores = graph[scores.inputs[0]]
    queries = _query_rows(lowering, scores)
    keys, values = (lowering.results[operator.inputs[1]] for operator in (scores, weighted))
    _check_scores(graph, scores, softmax)
    mixed = lowering.matrix(merge.name, merge.m, merge.n)
    outs = _results(weighted, mixed)
    # The heads of one token whose values lie side by side share a product.
    together = graph[weighted.inputs[1]].beside if merge.m == 1 else 1
    for first in range(0, len(queries), together):
        parts = []
        for head in range(first, first + together):
            key, value = (each[head // scores.shared] for each in (keys, values))  # type: ignore[index]
            assert isinstance(key, Stored)
            assert isinstance(value, Stored)
            lowering.operator = scores
            found = _lower_scores(lowering, head, queries[head], key)
            lowering.operator = softmax
            parts.append(_Part(head, _lower_softmax(lowering, head, found), value, outs[head]))
        lowering.operator = weighted
        _lower_weighted_sum(lowering, parts)
    lowering.operator = merge
    return Activation(mixed)


def _lower_scores(lowering: Lowering, head: int, query: Quantised, keys: Stored) -> _Scores:
    """Add ``query @ keys.T``; the queries contain the factor of the scores already."""
    operator, rows, positions = lowering.operator, query.codes.rows, keys.codes.rows
    name = f"{operator.name}.{head}"
    sums = lowering.matrix(f"{name}.sums", rows, positions, stored.INT32)
    lowering.steps.append(Product(a=query.codes, weights=keys.codes, out=sums, transposed=True))
    out = lowering.matrix(name, rows, positions)
    options = _mask(operator)
    [softmax] = lowering.read_by(Kind.SOFTMAX)
    if softmax.engine is not Engine.HOST:
        options = replace(options, reduce=Reduce.MAXIMUM, scale=-1.0)
    minus_maximum, _ = lowering.run(
        sums, options, multiply=query.scale, b=keys.scales, c=_hidden(lowering), out=out, to=f"{name}.maximum"
    )
    return _Scores(out, minus_maximum if options.reduce is Reduce.MAXIMUM else None)


@dataclass(frozen=True)
class _Probabilities:
    """Probabilities of a head's rows: values, which are still to be multiplied with a factor a row if there is one."""

    values: Matrix
    factors: Scalars | None


@dataclass(frozen=True)
class _Part:
    """A head's part of a product of probabilities and values."""

    head: int
    probabilities: _Probabilities
    values: Stored
    out: Matrix


def _lower_softmax(lowering: Lowering, head: int, scores: _Scores) -> _Probabilities:
    """Add the exponentials of a head's scores and the inverse of the sum of each row, if they are not the host's."""
    operator = lowering.operator
    if operator.engine is Engine.HOST:
        return _Probabilities(scores.values, None)
    name = f"{operator.name}.{head}"
    out = lowering.matrix(name, scores.values.rows, scores.values.columns)
    options = replace(_mask(operator), function=Function.EXP, reduce=Reduce.SUM, inverse=Inverse.RECIPROCAL)
    _, inverse = lowering.run(scores.values, options, add=scores.minus_maximum, out=out, to=f"{name}.sum")
    return _Probabilities(out, inverse)


def _lower_weighted_sum(lowering: Lowering, parts: list[_Part]) -> None:
    """Add ``out = probabilities @ values`` of heads, as one product of all their rows and columns.

    The scales of values, one a position, go into the probabilities, which are then quantised row by row.
    """
    name, first = lowering.operator.name, parts[0]
    rows, positions = first.probabilities.values.rows, first.probabilities.values.columns
    codes = lowering.matrix(f"{name}.{first.head}.weights.int8", len(parts) * rows, positions, stored.INT8)
    places = [slice(start, start + rows) for start in range(0, codes.rows, rows)]
    quantised = []
    for part, place in zip(parts, places, strict=True):
        own = f"{name}.{part.head}.weights"
        weights = lowering.matrix(own, rows, positions)
        scale = lowering.run(
            part.probabilities.values,
            MAGNITUDE,
            multiply=part.probabilities.factors,
            b=part.values.scales,
            out=weights,
            to=f"{own}.scale",
        )
        quantised.append(lowering.quantised(weights, scale, out=codes.part(rows=place)))
    values = first.values.codes
    sums = lowering.matrix(f"{name}.{first.head}.sums", codes.rows, values.columns, stored.INT32)
    lowering.steps.append(Product(a=codes, weights=values, out=sums))
    for part, place, each in zip(parts, places, quantised, strict=True):
        columns = slice(part.values.first, part.values.first + part.out.columns)
        lowering.run(sums.part(rows=place, columns=columns), multiply=each.scale, out=part.out)


def _mask(operator: Operator) -> PassOptions:
    return PassOptions(causal=True, mask_base=operator.position - operator.first) if operator.causal else PLAIN


def _hidden(lowering: Lowering) -> Matrix | None:
    """Return the mask of the positions before the sliding window, if any of these are read."""
    masks = [lowering.graph[name] for name in lowering.operator.inputs[2:]]
    return lowering.constant(masks[0].name, masks[0].m, masks[0].n, operator=masks[0]) if masks else None


def _check_scores(graph: Graph, scores: Operator, softmax: Operator) -> None:
    """Refuse what no unit can compute between scores and softmax.

    Raises
    ------
    ConfigError
        Names the operator.
    """
    if softmax.inputs[0] != scores.name:
        between = graph[softmax.inputs[0]]
        raise ConfigError(f"{between.name}: no unit of the accelerator can compute a {between.kind}")


def _query_rows(lowering: Lowering, scores: Operator) -> list[Quantised]:
    """Return the queries of each product: the tokens of a head or, for one token, the heads that share keys and
    values."""
    query = lowering.results[scores.inputs[0]]
    if isinstance(query, Activation):
        # Heads without rotary embedding are not quantised yet.
        lowering.operator = lowering.graph[scores.inputs[0]]
        query = measured_heads(lowering, query.values, scores.k)
    assert isinstance(query, list)
    if len(query) == scores.heads:
        return query  # type: ignore[return-value]
    [rows] = query
    assert isinstance(rows, Quantised)
    return [rows.row_part(head * scores.m, scores.m) for head in range(scores.heads)]


def _results(weighted: Operator, mixed: Matrix) -> list[Matrix]:
    """Return the place of each product's result."""
    places = head_rows(mixed, weighted.n)
    if len(places) == weighted.heads:
        return places
    [rows] = places
    return [rows.part(rows=slice(head * weighted.m, (head + 1) * weighted.m)) for head in range(weighted.heads)]
