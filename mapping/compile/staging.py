"""Results that go to main memory: a pass leaves them in a tensor of their own, from which they are stored."""

from dataclasses import replace

from tilewright.sim.isa.commands import Command, Load, Store
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.isa.units import Unit

from .allocation import Tensor
from .operations import Operations, transfer_cycles
from .stores import row_pieces, stored_commands
from .survey import Survey


def is_staged(survey: Survey, out: Matrix) -> bool:
    """Return whether a result goes to main memory."""
    name = out.buffer.name
    return name in survey.stored or name in survey.in_rows or survey.kept(name)


def rows_before(survey: Survey, out: Matrix) -> int:
    """Return the number of rows of a staging tensor for positions before those of a result.

    Packed keys of an odd number of positions share bytes with the position before: of each head one row.
    """
    stored = survey.stored.get(out.buffer.name)
    if stored is None or stored.tail is None:
        return 0
    pieces = list(row_pieces(stored, out))
    assert len({(piece.position, piece.rows) for piece in pieces}) == 1, f"{out.buffer.name}: heads differ"
    return len(pieces) if pieces[0].position % 2 else 0


def staging_tensor(operations: Operations, out: Matrix, scatter: bool = False) -> tuple[Tensor, int]:
    """Return the tensor of a result that goes to main memory, and the number of its rows before those of the result.

    They are loaded as soon as the tensor is asked for.

    Parameters
    ----------
    scatter : bool
        Whether the rows of the result are single numbers, one after the other.
    """
    if out not in operations.staging:
        before = rows_before(operations.survey, out)
        rows, columns = (1, out.rows) if scatter else (before + out.rows, out.columns)
        tensor = operations.new_tensor(out, rows, columns, suffix=".new")
        operations.staging[out] = tensor, before
        if before:
            _load_before(operations, out, tensor, before)
    return operations.staging[out]


def _load_before(operations: Operations, out: Matrix, staging: Tensor, rows: int) -> None:
    """Load the positions before those of a result, one for each head."""
    stored = operations.survey.stored[out.buffer.name]
    assert stored.tail is not None
    tail, first = stored.tail, next(row_pieces(stored, out)).operand
    address = tail.address + list(stored.operands.values()).index(first) * tail.pitch

    def commands() -> list[Command]:
        return [
            Load(
                address=address,
                beats=tail.pitch // operations.config.bus_bytes,
                rows=rows,
                stride=tail.pitch,
                destination=staging.address,
                pitch=staging.pitch,
            )
        ]

    operations.add(out.buffer.operator, Unit.LOAD, commands, (), (staging,), transfer_cycles)


def store_result(operations: Operations, out: Matrix, staging: Tensor, rows: int) -> None:
    """Store the content of a staging tensor, after this number of rows of earlier positions."""
    name, survey = out.buffer.name, operations.survey
    if name in survey.stored:
        stored = survey.stored[name]

        def commands() -> list[Command]:
            return list(stored_commands(stored, out, staging.address, staging.pitch, rows))
    elif name in survey.in_rows:
        place = survey.constants[name]
        first, _ = survey.matrix_rows(out)
        operations.store_rows(out, staging, place.address + first * place.pitch, place.pitch, rows=out.rows)
        return
    else:
        # What was loaded is no longer what memory holds.
        operations.forget(name)
        place = survey.constants[name]

        def commands() -> list[Command]:
            row, column = divmod(out.offset, place.columns)
            size = staging.size
            # Single numbers lie side by side, or each at the begin of a word.
            apart = size if staging.rows == 1 else staging.pitch
            one_row = Store(
                size=size.bit_length() - 1,
                address=place.address + row * place.pitch + size * column,
                count=out.rows,
                source=staging.address,
                element_pitch=apart,
            )
            if out.stride < place.columns:
                return [one_row]
            stride = out.stride // place.columns * place.pitch
            return [replace(one_row, count=1, rows=out.rows, stride=stride, pitch=apart)]

    operations.add(out.buffer.operator, Unit.STORE, commands, (staging,), (), transfer_cycles)
