"""Lowering of attention, head by head: scores, softmax, weighted sum; of many positions, block by block of these."""

from dataclasses import dataclass, replace

from tilewright.base.errors import ConfigError
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.isa.steps import Job, Matrix, Product, Scalars
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce

from .heads import head_rows, measured_heads
from .lowering import PLAIN, Activation, Lowering, Quantised, Result, Stored
from .masks import mask_rows
from .online_softmax import OnlineSoftmax, RepeatedSoftmax
from .operands import activations_of


@dataclass(frozen=True)
class _Scores:
    """Scores of a head's rows, and the negative of each row's maximum, if the accelerator runs the softmax."""

    values: Matrix
    minus_maximum: Scalars | None


@dataclass(frozen=True)
class _Head:
    """A head of attention, or the heads of one token that share keys and values, with all positions or some."""

    name: str
    """End of the names of what belongs to the head."""
    query: Quantised
    keys: Stored
    values: Stored
    out: Matrix
    start: int = 0
    """First of the positions, among those that are read."""
    online: OnlineSoftmax | None = None
    """Softmax of all blocks of positions, if there are several."""

    def block(self, number: int, positions: slice) -> "_Head":
        """Return the head with some of the positions."""
        keys, values = self.keys.part(positions), self.values.part(positions)
        return replace(self, name=f"{self.name}.{number}", keys=keys, values=values, start=positions.start)


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
    blocks = _blocks(scores)
    repeated = scores.every_position and scores.block > 0
    heads = []
    lowering.operator = softmax
    for number, (query, out) in enumerate(zip(queries, outs, strict=True)):
        key, value = (each[number // scores.shared] for each in (keys, values))  # type: ignore[index]
        assert isinstance(key, Stored)
        assert isinstance(value, Stored)
        if scores.every_position:
            key, value = (each.part(slice(0, scores.n)) for each in (key, value))
        name, rows = f"{softmax.name}.{number}", query.codes.rows
        online: OnlineSoftmax | None = None
        if repeated:
            online = RepeatedSoftmax(lowering, name, rows, out.columns)
            if merge.m > 1:
                online.keep_scales(query)
        elif len(blocks) > 1:
            online = OnlineSoftmax(lowering, name, rows, len(blocks))
        heads.append(_Head(str(number), query, key, value, out, online=online))
    # The heads of one token whose values lie side by side share a product.
    together = graph[weighted.inputs[1]].beside if merge.m == 1 else 1
    first_repeated = len(lowering.steps)
    for first in range(0, len(heads), together):
        some = heads[first : first + together]
        if len(blocks) == 1:
            _lower_heads(lowering, (scores, softmax, weighted), some)
            continue
        for number, positions in enumerate(blocks):
            _lower_heads(lowering, (scores, softmax, weighted), [head.block(number, positions) for head in some])
        _finish(some)
    if repeated:
        lowering.repeated.append((first_repeated, len(lowering.steps)))
        _finish(heads)
    lowering.operator = merge
    return Activation(mixed)


def _finish(heads: list[_Head]) -> None:
    """Add the passes after the last block of positions."""
    for head in heads:
        assert head.online
        head.online.finish(head.out)


def _lower_heads(lowering: Lowering, operators: tuple[Operator, Operator, Operator], heads: list[_Head]) -> None:
    """Add the scores and the softmax of each of some heads, then their weighted sum; ``operators`` are these three."""
    scores, softmax, weighted = operators
    parts = []
    for head in heads:
        lowering.operator = scores
        found = _lower_scores(lowering, head)
        lowering.operator = softmax
        parts.append(_Part(head, _lower_softmax(lowering, head, found)))
    lowering.operator = weighted
    _lower_weighted_sum(lowering, parts)


def _blocks(scores: Operator) -> list[slice]:
    """Return the positions of each block, among those that are read; the last block has what is left, too."""
    size = scores.block or scores.n
    starts = range(0, max(1, scores.n // size) * size, size)
    return [slice(start, scores.n if start == starts[-1] else start + size) for start in starts]


def _lower_scores(lowering: Lowering, head: _Head) -> _Scores:
    """Add ``query @ keys.T``; the queries contain the factor of the scores already."""
    operator, query, keys = lowering.operator, head.query, head.keys
    rows, positions = query.codes.rows, keys.codes.rows
    name = f"{operator.name}.{head.name}"
    query_scale = head.online.scales_of(query) if head.online else query.scale
    sums, key_scales = _multiplied(lowering, name, query.codes, keys.codes, keys.scales, transposed=True)
    out = lowering.matrix(name, rows, positions, operator.precision.attention)
    options = _mask(operator, head.start, positions)
    [softmax] = lowering.read_by(Kind.SOFTMAX)
    if softmax.engine is not Engine.HOST:
        options = replace(options, reduce=Reduce.MAXIMUM, scale=1.0 if head.online else -1.0)
    maximum, _ = lowering.run(
        sums,
        options,
        multiply=query_scale,
        b=key_scales,
        c=_hidden(lowering, head.start, positions),
        out=out,
        to=f"{name}.maximum",
    )
    if options.reduce is not Reduce.MAXIMUM:
        return _Scores(out, None)
    return _Scores(out, head.online.add_maximum(maximum) if head.online else maximum)


def _multiplied(
    lowering: Lowering, name: str, a: Matrix, weights: Matrix, scales: Matrix | None, *, transposed: bool = False
) -> tuple[Matrix, Matrix | None]:
    """Add a product with keys or values; return its sums and the scales of columns that are still to be applied: a job
    of the NPE applies them."""
    columns = weights.rows if transposed else weights.columns
    if lowering.operator.engine is Engine.NPE:
        sums = lowering.matrix(f"{name}.sums", a.rows, columns, stored.BF16)
        lowering.steps.append(Job(a=a, weights=weights, out=sums, transposed=transposed, scale=scales))
        return sums, None
    sums = lowering.matrix(f"{name}.sums", a.rows, columns, stored.INT32)
    lowering.steps.append(Product(a=a, weights=weights, out=sums, transposed=transposed))
    return sums, scales


@dataclass(frozen=True)
class _Probabilities:
    """Probabilities of a head's rows: values, which are still to be multiplied with a factor a row if there is one."""

    values: Matrix
    factors: Scalars | None


@dataclass(frozen=True)
class _Part:
    """A head's part of a product of probabilities and values."""

    head: _Head
    probabilities: _Probabilities


def _lower_softmax(lowering: Lowering, head: _Head, scores: _Scores) -> _Probabilities:
    """Add the exponentials of a head's scores and the inverse of the sum of each row, if they are not the host's."""
    operator = lowering.operator
    if operator.engine is Engine.HOST:
        return _Probabilities(scores.values, None)
    name = f"{operator.name}.{head.name}"
    rows, columns = scores.values.rows, scores.values.columns
    out = lowering.matrix(name, rows, columns)
    options = replace(
        _mask(operator, head.start, columns),
        function=Function.EXP,
        reduce=Reduce.SUM,
        inverse=Inverse.NONE if head.online else Inverse.RECIPROCAL,
    )
    total, inverse = lowering.run(scores.values, options, add=scores.minus_maximum, out=out, to=f"{name}.sum")
    if head.online:
        head.online.add_sum(total)
        return _Probabilities(out, None)
    return _Probabilities(out, inverse)


def _lower_weighted_sum(lowering: Lowering, parts: list[_Part]) -> None:
    """Add ``out = probabilities @ values`` of heads, as one product of all their rows and columns.

    The scales of values, one a position, go into the probabilities, which are then quantised row by row.
    """
    name, first = lowering.operator.name, parts[0]
    operand = activations_of(lowering.operator)
    rows, positions = first.probabilities.values.rows, first.probabilities.values.columns
    codes = lowering.matrix(
        f"{name}.{first.head.name}.weights.{operand.storage}", len(parts) * rows, positions, operand.storage
    )
    places = [slice(start, start + rows) for start in range(0, codes.rows, rows)]
    quantised = []
    for part, place in zip(parts, places, strict=True):
        own = f"{name}.{part.head.name}.weights"
        weights = lowering.matrix(own, rows, positions)
        scale = lowering.run(
            part.probabilities.values,
            operand.magnitude,
            multiply=part.probabilities.factors,
            b=part.head.values.scales,
            out=weights,
            to=f"{own}.scale",
        )
        scales = scale if operand.scaled else None
        quantised.append(lowering.quantised(weights, scales, operand=operand, out=codes.part(rows=place)))
    values = first.head.values
    sums, _ = _multiplied(lowering, f"{name}.{first.head.name}", codes, values.codes, None)
    for part, place, each in zip(parts, places, quantised, strict=True):
        head, left = part.head, part.head.values.first
        own_sums = sums.part(rows=place, columns=slice(left, left + head.out.columns))
        if head.online:
            head.online.add_weighted(own_sums, each.scale)
        else:
            lowering.run(own_sums, multiply=each.scale, out=head.out)


def _mask(operator: Operator, start: int, positions: int) -> PassOptions:
    """Return the options of a pass over scores of some of the positions that are read: what rows do not see."""
    base = operator.position - operator.first - start
    return PassOptions(causal=True, mask_base=base) if operator.causal and base + 1 < positions else PLAIN


def _hidden(lowering: Lowering, start: int, positions: int) -> Matrix | None:
    """Return the mask of positions that rows do not see, if there is one."""
    masks = [lowering.graph[name] for name in lowering.operator.inputs[2:]]
    if not masks:
        return None
    return mask_rows(lowering, masks[0], start, positions)


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
        query = measured_heads(lowering, query.values, scores.k, operand=activations_of(scores))
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
