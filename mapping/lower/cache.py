"""Lowering of rotary embedding, and of keys and values, which become weights of the products of attention."""

from dataclasses import dataclass, replace

from tilewright.base.errors import ConfigError
from tilewright.sim.formats import stored
from tilewright.sim.graph.head_padding import HeadPadding
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.steps import Matrix

from .heads import all_positions, head_rows, measured_heads
from .lowering import PLAIN, Activation, Lowering, Quantised, Result, Rotation, Stored
from .operands import ARRAY, Operand, activations_of, cached_of


def lower_rope(lowering: Lowering) -> Result:
    """Lower the rotary embedding of heads, and quantise them; heads for the cache are rotated when they are stored."""
    operator = lowering.operator
    rotation = Rotation(operator, lowering.values(operator.inputs[0]))
    if lowering.read_by(Kind.KV_APPEND):
        return rotation
    operand = next((activations_of(reader) for reader in lowering.read_by(Kind.SCORES)), ARRAY)
    return _rotated(lowering, rotation, operand)


def lower_append(lowering: Lowering) -> Result:
    """Lower the storing of keys or values."""
    operator = lowering.operator
    result = lowering.results[operator.inputs[0]]
    if isinstance(result, list):
        return _scale_rows(lowering, result)  # type: ignore[arg-type]
    [product] = lowering.graph.readers(operator.name)
    operand = cached_of(product)
    storage = operand.storage
    if operand.npe and storage.bits < 8:
        raise ConfigError(
            f"{product.name}: a cache of {storage} is not allowed on the NPE: positions begin at bytes, in formats "
            "of 8 or 16 bits"
        )
    rows, beside = operator.heads * operator.capacity, operator.beside
    cache = lowering.state(operator.name, rows // beside, beside * operator.n, storage, operator.heads // beside)
    scales = None
    if operand.scaled:
        # A job takes its scales in FP32.
        kind = stored.FP32 if operand.npe else operator.cache_scale
        scales = lowering.state(f"{operator.name}.scales", rows, 1, kind, operator.heads)
    places = _new_rows(operator, cache, operator.n, operator.n, cache.columns)
    if isinstance(result, Rotation):
        new = _rotated(lowering, result, operand, places)
        lowering.operator = operator
    else:
        assert isinstance(result, Activation)
        new = measured_heads(lowering, result.values, operator.n, places, beside, operand)
    if scales:
        for each, place in zip(new, _new_rows(operator, scales, 1, operator.capacity, 1), strict=True):
            assert each.scale
            lowering.write_scalars(each.scale, place)
    row = scales.reshaped(1, rows) if scales else None
    heads, end = [], operator.capacity if operator.every_position else operator.position + operator.m
    for head in range(operator.heads):
        codes, own = (
            slice(first + operator.first, first + end)
            for first in (head // beside * operator.capacity, head * operator.capacity)
        )
        first = head % beside * operator.n
        heads.append(Stored(cache.part(rows=codes), row.part(columns=own) if row else None, first))
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


def _rotated(
    lowering: Lowering, rotation: Rotation, operand: Operand, out: list[Matrix] | None = None
) -> list[Quantised]:
    """Add the rotary embedding of heads, and quantise them, into ``out`` if it is given."""
    operator, x = rotation.operator, rotation.source
    lowering.operator = operator
    tables = [
        lowering.constant(table.name, operator.capacity, table.n, operator=table).part(
            rows=slice(operator.position, operator.position + operator.m)
        )
        for table in (lowering.graph[name] for name in operator.inputs[1:])
    ]
    columns = operator.heads * operator.n
    turned, result = (
        lowering.matrix(f"{operator.name}.{part}", x.rows, columns, operator.precision.attention)
        for part in ("cos", "rotated")
    )
    offsets = _offsets(lowering, operator, x.rows)
    places: list[Matrix | None] = [*out] if out else [None] * len(head_rows(result, operator.n))
    if out is None and (operand.scaled or operand.storage != result.storage):
        whole = lowering.matrix(f"{operator.name}.{operand.storage}", x.rows, columns, operand.storage)
        places = [*head_rows(whole, operator.n)]
    heads = []
    for index, (parts, first, both, codes) in enumerate(
        zip(_parts(operator, x), head_rows(turned, operator.n), head_rows(result, operator.n), places, strict=True)
    ):
        measured, name = operand.magnitude, f"{operator.name}.{index}.scale"
        for part in parts:
            cos, sin = (table.part(columns=part.table) for table in tables)
            product, sums = (each.part(rows=part.rows, columns=part.columns) for each in (first, both))
            added = offsets[index].part(rows=part.rows, columns=part.columns) if offsets else None
            lowering.run(part.source, b=cos, c=added, out=product)
            options = replace(measured if len(parts) == 1 else PLAIN, rotate=part.source.columns // 2)
            scale = lowering.run(part.source, options, b=sin, c=product, out=sums, to=name)
        if len(parts) > 1 and operand.scaled:
            scale = lowering.run(both, measured, to=name)
        heads.append(lowering.quantised(both, scale if operand.scaled else None, operand=operand, out=codes))
    return heads


@dataclass(frozen=True)
class _Part:
    """Elements of heads that rotary embedding turns with the same columns of its tables."""

    source: Matrix
    rows: slice
    """Rows of the heads that they become."""
    columns: slice
    """Columns of the heads that they become."""
    table: slice
    """Columns of the tables."""


def _parts(operator: Operator, x: Matrix) -> list[list[_Part]]:
    """Return the parts of the heads of a projection, in the order of :func:`head_rows`."""
    everything, head = slice(None), operator.head
    if head is None or head.together == 1:
        return [[_Part(source, everything, everything, everything)] for source in head_rows(x, operator.n)]
    groups = head_rows(x, head.together * head.size)
    if x.rows > 1:
        places = (head.place(index, operator.heads) for index in range(operator.heads))
        return [_parts_together(head, groups[group], number, everything) for group, number in places]
    # The heads of one number are rows that follow one another.
    [rows] = groups
    numbers = ((number, slice(number * rows.rows, (number + 1) * rows.rows)) for number in range(head.together))
    return [[part for number, heads in numbers for part in _parts_together(head, rows, number, heads)]]


def _parts_together(head: HeadPadding, groups: Matrix, number: int, rows: slice) -> list[_Part]:
    """Return the whole steps and the rests of the heads of one number in their groups."""
    whole, shared = 2 * head.whole, head.shared
    rests = head.together * whole
    return [
        _Part(groups.part(columns=slice(number * whole, (number + 1) * whole)), rows, slice(0, whole), slice(0, whole)),
        _Part(
            groups.part(columns=slice(rests, rests + shared)),
            rows,
            slice(whole, whole + shared),
            slice(whole + number * shared, whole + (number + 1) * shared),
        ),
    ]


def _offsets(lowering: Lowering, operator: Operator, tokens: int) -> list[Matrix]:
    """Return the numbers that are added to heads in the order of :func:`head_rows`; nothing if none are."""
    if not (operator.precision.key_offsets and lowering.read_by(Kind.KV_APPEND)):
        return []
    offsets = lowering.constant(f"{operator.name}.offset", operator.heads, operator.n)
    return [offsets] if tokens == 1 else [offsets.part(rows=slice(head, head + 1)) for head in range(operator.heads)]


def _scale_rows(lowering: Lowering, heads: list[Quantised]) -> list[Stored]:
    """Add the passes that write the scales of each head as a row; return the heads of all positions with their
    scales."""
    operator, positions = lowering.operator, all_positions(lowering, lowering.operator)
    before = operator.position * heads[0].codes.stride
    codes = [replace(head.codes, rows=positions, offset=head.codes.offset - before) for head in heads]
    if heads[0].scale is None:
        return [Stored(each, None) for each in codes]
    distinct = 1 if heads[0].scale == heads[-1].scale else len(heads)
    name, part = f"{operator.name}.scales", positions > operator.m
    rows = (
        lowering.state(name, distinct, positions, stored.FP32, parts=distinct)
        if part
        else lowering.matrix(name, distinct, positions, stored.FP32)
    )
    for index, head in enumerate(heads[:distinct]):
        assert head.scale
        first = index * positions + operator.position
        lowering.write_scalars(head.scale, Matrix(rows.buffer, operator.m, 1, stride=1, offset=first))
    scales = [rows.part(rows=slice(index, index + 1)) for index in range(distinct)] * (len(heads) // distinct)
    return [Stored(each, row) for each, row in zip(codes, scales, strict=True)]
