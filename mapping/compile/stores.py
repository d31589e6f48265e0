"""Stores of keys and values: the place of each row of a matrix, and equal stores merged into one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tilewright.sim.isa.commands import Store
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.isa.widths import MAX_COUNT

from .compiled import StoredBuffer, StoredOperand
from .stored_weights import StoredWeights


@dataclass
class Piece:
    """Rows of a matrix that are successive positions of stored weights."""

    operand: StoredOperand
    position: int
    first: int
    """First element of the position that the rows hold."""
    elements: int
    row: int
    """First row of the matrix."""
    column: int
    rows: int = 1


def row_pieces(stored: StoredBuffer, matrix: Matrix) -> Iterator[Piece]:
    """Yield the pieces of a matrix of a buffer."""
    last: dict[tuple[int, int, int], Piece] = {}
    for row in range(matrix.rows):
        for column, length, operand, position, first in stored.parts(
            matrix.offset + row * matrix.stride, matrix.columns
        ):
            key = id(operand), first, column
            before = last.get(key)
            if before and (before.row + before.rows, before.position + before.rows) == (row, position):
                before.rows += 1
                continue
            if before:
                yield before
            last[key] = Piece(operand, position, first, length, row, column)
    yield from last.values()


def stored_commands(stored: StoredBuffer, matrix: Matrix, source: int, pitch: int, lead: int) -> Iterator[Store]:
    """Yield the commands that store a matrix, which lies in the scratchpad as a pass wrote it.

    Parameters
    ----------
    source, pitch : int
        Of the first row, in bytes.
    lead : int
        Rows in front of it: of each head the position before, which is stored anew.
    """
    pieces = list(row_pieces(stored, matrix))
    bytes_each = matrix.storage.scratchpad_bytes
    stores: list[Store] = []
    for index, piece in enumerate(pieces):
        before = bool(lead)
        stores += piece.operand.store(
            source + (index if before else piece.row) * pitch + piece.column * bytes_each,
            pitch * lead if before else pitch,
            size=bytes_each,
            position=piece.position - before,
            positions=piece.rows + before,
            first=piece.first,
            elements=piece.elements,
        )
    yield from merged_stores(stores)
    tail = stored.tail
    if tail is None or (pieces[0].position + pieces[0].rows) % 2 == 0:
        return
    operands = list(stored.operands.values())
    last = []
    for piece in pieces:
        assert isinstance(piece.operand, StoredWeights)
        row_bytes = tail.columns * bytes_each
        size = piece.operand.element_bytes(row_bytes)
        row = lead + piece.row + piece.rows - 1
        last.append(
            Store(
                size=size.bit_length() - 1,
                address=tail.address + operands.index(piece.operand) * tail.pitch,
                count=row_bytes // size,
                source=source + row * pitch,
                element_pitch=size,
            )
        )
    yield from merged_stores(last)


def merged_stores(stores: Iterable[Store]) -> Iterator[Store]:
    """Yield stores; equal stores of one plane at equal distances become the planes of one store."""
    group: list[Store] = []
    for store in stores:
        if group and not _continues(group, store):
            yield _joined(group)
            group = []
        group.append(store)
    if group:
        yield _joined(group)


def _continues(group: list[Store], store: Store) -> bool:
    first, last = group[0], group[-1]
    if (
        first.planes > 1
        or len(group) == MAX_COUNT
        or store.changed(address=0, source=0) != first.changed(address=0, source=0)
    ):
        return False
    step = store.address - last.address, store.source - last.source
    if min(step) < 0 or max(step) >= 1 << 32:
        return False
    return len(group) == 1 or step == (last.address - group[-2].address, last.source - group[-2].source)


def _joined(group: list[Store]) -> Store:
    if len(group) == 1:
        return group[0]
    first, second, *_ = group
    return replace(
        first,
        planes=len(group),
        plane_stride=second.address - first.address,
        plane_pitch=second.source - first.source,
    )
