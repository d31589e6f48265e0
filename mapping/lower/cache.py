"""Lowering of rotary embedding, and of keys and values, which become weights of the products of attention."""

from dataclasses import replace

from tilewright.sim.formats import stored
from tilewright.sim.graph.head_padding import HeadPadding
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.steps import Matrix

from .heads import head_rows, measured_heads
from .lowering import PLAIN, Activation, Lowering, Quantised, Result, Rotation, Stored, magnitude


def lower_rope(lowering: Lowering) -> Result:
    """Lower the rotary embedding of heads, and quantise them; heads for the cache are rotated when they are stored."""
    operator = lowering.operator
    rotation = Rotation(operator, lowering.values(operator.inputs[0]))
    return rotation if lowering.read_by(Kind.KV_APPEND) else _rotated(lowering, rotation)


def lower_append(lowering: Lowering) -> Result:
    """Lower the storing of keys or values."""
    operator = lowering.operator
    result = lowering.results[operator.inputs[0]]
    if isinstance(result, list):
        return _scale_rows(lowering, result)  # type: ignore[arg-type]
    storage = operator.precision.cache
    rows, beside = operator.heads * operator.capacity, operator.beside
    cache = lowering.state(operator.name, rows // beside, beside * operator.n, storage)
    scales = lowering.state(f"{operator.name}.scales", rows, 1, stored.FP32)
    places = _new_rows(operator, cache, operator.n, operator.n, cache.columns)
    if isinstance(result, Rotation):
        new = _rotated(lowering, result, places)
        lowering.operator = operator
    else:
        assert isinstance(result, Activation)
        new = measured_heads(lowering, result.values, operator.n, places, beside)
    for each, place in zip(new, _new_rows(operator, scales, 1, operator.capacity, 1), strict=True):
        lowering.write_scalars(each.scale, place)
    row = scales.reshaped(1, rows)
    heads = []
    for head in range(operator.heads):
        codes, own = (
            slice(first + operator.first, first + operator.position + operator.m)
            for first in (head // beside * operator.capacity, head * operator.capacity)
        )
        first = head % beside * operator.n
        heads.append(Stored(cache.part(rows=codes), row.part(columns=own), first))
    return heads


def _new_rows(operator: Operator, state: Matrix, columns: int, next_head: int, next_position: int) -> list[Matrix]:
    """Return the places of new rows in a cache, or of their scales, in the order of :func:`measured_heads`.

    Parameters
    ----------
    columns : int
        Elements of a row.
    next_head, next_position : int
        Elements from a row to that of the next head of those side by side, and to that of the next position.
    """
    beside, start = operator.beside, operator.position * next_position
    next_group = beside * columns * operator.capacity
    if operator.m == 1:
        rows = operator.heads // beside
        firsts = range(start, start + beside * next_head, next_head)
        return [Matrix(state.buffer, rows, columns, stride=next_group, offset=first) for first in firsts]
    heads = [divmod(head, beside) for head in range(operator.heads)]
    offsets = [start + group * next_group + head * next_head for group, head in heads]
    return [Matrix(state.buffer, operator.m, columns, stride=next_position, offset=offset) for offset in offsets]


def _rotated(lowering: Lowering, rotation: Rotation, out: list[Matrix] | None = None) -> list[Quantised]:
    """Add the rotary embedding of heads, and quantise them, into ``out`` if it is given."""
    operator, x = rotation.operator, rotation.source
    lowering.operator = operator
    if operator.head and operator.head.together > 1:
        return _rotated_together(lowering, rotation, operator.head, out)
    cos, sin = (
        lowering.constant(table, operator.capacity, operator.n, operator=lowering.graph[table]).part(
            rows=slice(operator.position, operator.position + operator.m)
        )
        for table in operator.inputs[1:]
    )
    turned = lowering.matrix(f"{operator.name}.cos", x.rows, x.columns)
    result = lowering.matrix(f"{operator.name}.rotated", x.rows, x.columns)
    offsets = _offsets(lowering, operator, x.rows)
    out = out or head_rows(lowering.matrix(f"{operator.name}.int8", x.rows, x.columns, stored.INT8), operator.n)
    heads = []
    for index, (source, first, both, codes) in enumerate(
        zip(head_rows(x, operator.n), head_rows(turned, operator.n), head_rows(result, operator.n), out, strict=True)
    ):
        lowering.run(source, b=cos, c=offsets[index] if offsets else None, out=first)
        options = replace(magnitude(codes.storage), rotate=operator.n // 2)
        scale = lowering.run(source, options, b=sin, c=first, out=both, to=f"{operator.name}.{index}.scale")
        heads.append(lowering.quantised(both, scale, out=codes))
    return heads


def _rotated_together(
    lowering: Lowering, rotation: Rotation, head: HeadPadding, out: list[Matrix] | None
) -> list[Quantised]:
    """Add the rotary embedding of heads that share steps with their rests: first whole steps, then rests."""
    operator, x = rotation.operator, rotation.source
    tables = [
        lowering.constant(table, operator.capacity, head.table_columns, operator=lowering.graph[table]).part(
            rows=slice(operator.position, operator.position + operator.m)
        )
        for table in operator.inputs[1:]
    ]
    turned = lowering.matrix(f"{operator.name}.cos", x.rows, operator.heads * head.room)
    result = lowering.matrix(f"{operator.name}.rotated", x.rows, operator.heads * head.room)
    groups, whole, shared = operator.heads // head.together, 2 * head.whole, head.shared
    offsets = _offsets(lowering, operator, x.rows)
    out = out or head_rows(lowering.matrix(f"{operator.name}.int8", x.rows, result.columns, stored.INT8), head.room)
    heads = []
    firsts, rotated = head_rows(turned, head.room), head_rows(result, head.room)
    for index, (first, both, codes) in enumerate(zip(firsts, rotated, out, strict=True)):
        for number in range(head.together) if x.rows == 1 else [head.place(index, operator.heads)[1]]:
            # The heads of one number are rows of one token, or one head has a row for each token.
            rows = slice(number * groups, (number + 1) * groups) if x.rows == 1 else slice(None)
            source = x.reshaped(groups, head.together * head.size) if x.rows == 1 else _group(x, head, index, operator)
            for begin, end, place, of_table in (
                (number * whole, (number + 1) * whole, 0, 0),
                (head.together * whole, head.together * whole + shared, whole, whole + number * shared),
            ):
                columns = slice(place, place + end - begin)
                cos, sin = (table.part(columns=slice(of_table, of_table + end - begin)) for table in tables)
                added = offsets[index].part(rows=rows, columns=columns) if offsets else None
                taken, product, sums = (
                    source.part(columns=slice(begin, end)),
                    *(each.part(rows=rows, columns=columns) for each in (first, both)),
                )
                lowering.run(taken, b=cos, c=added, out=product)
                lowering.run(taken, replace(PLAIN, rotate=taken.columns // 2), b=sin, c=product, out=sums)
        scale = lowering.run(both, magnitude(codes.storage), to=f"{operator.name}.{index}.scale")
        heads.append(lowering.quantised(both, scale, out=codes))
    return heads


def _group(x: Matrix, head: HeadPadding, index: int, operator: Operator) -> Matrix:
    """Return the columns of the group of a head."""
    group, _ = head.place(index, operator.heads)
    columns = head.together * head.size
    return x.part(columns=slice(group * columns, (group + 1) * columns))


def _offsets(lowering: Lowering, operator: Operator, tokens: int) -> list[Matrix]:
    """Return the numbers that are added to heads in the order of :func:`head_rows`; nothing if none are."""
    if not (operator.precision.key_offsets and lowering.read_by(Kind.KV_APPEND)):
        return []
    offsets = lowering.constant(f"{operator.name}.offset", operator.heads, operator.n)
    return [offsets] if tokens == 1 else [offsets.part(rows=slice(head, head + 1)) for head in range(operator.heads)]


def _scale_rows(lowering: Lowering, heads: list[Quantised]) -> list[Stored]:
    """Add the passes that write the scales of each head as a row; return the heads with these scales."""
    operator, tokens = lowering.operator, lowering.operator.m
    distinct = 1 if heads[0].scale == heads[-1].scale else len(heads)
    rows = lowering.matrix(f"{operator.name}.scales", distinct, tokens, stored.FP32)
    for index, head in enumerate(heads[:distinct]):
        lowering.write_scalars(head.scale, Matrix(rows.buffer, tokens, 1, stride=1, offset=index * tokens))
    scales = [rows.part(rows=slice(index, index + 1)) for index in range(distinct)] * (len(heads) // distinct)
    return [Stored(head.codes, row) for head, row in zip(heads, scales, strict=True)]
