"""Address registers of a program that serves every position: what of main memory a position, or a block of the cache,
shifts."""

from collections.abc import Iterator
from dataclasses import dataclass

from tilewright.mapping.lower.masks import middle, serves_every_position
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.commands import Load, Store

from .arguments import Formula, Term
from .compiled import PaddedRows, StoredOperand
from .npe_layout import NpeStored
from .survey import Survey


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Blocks of a cache, over which the attention of a program goes that serves every position."""

    size: int
    """Number of positions in a block."""
    capacity: int
    """Number of positions for which there is room."""
    nominal: int
    """Position for which the program's steps are made."""

    @property
    def count(self) -> int:
        """Number of blocks."""
        return divide_up(self.capacity, self.size)

    @property
    def used(self) -> Formula:
        """Number of blocks with positions that the tokens of a position see."""
        return Formula((Term(self.size, 0, 1),), 1)


@dataclass(frozen=True)
class Shifted:
    """A part of main memory that commands reach through a register which the position moves."""

    first: int
    end: int
    kind: type[Load] | type[Store]
    """Commands that reach it so."""
    start: Formula
    """Bytes by which the position moves it."""
    per_run: int
    """Bytes from a run of the loop over layers to the next."""
    per_block: int
    """Bytes from a block of the cache to the next."""
    purpose: str
    before: int = 0
    """Bytes that the register holds, and the addresses of commands do not, so that it is never negative."""


def shifted_by_position(survey: Survey, blocks: Blocks, per_run: int, per_block: int) -> Iterator[Shifted]:
    """Yield the parts of memory that the position moves.

    Parameters
    ----------
    per_run, per_block : int
        Bytes from the states of a run to those of the next, and from a block of them to the next.
    """
    nominal = blocks.nominal
    later_blocks = Term(blocks.size, 0, per_block if blocks.count > 1 else 0)
    for name, buffer in survey.stored.items():
        if name in survey.lowered.states:
            operands = list(buffer.operands.values())
            start = Formula.of(*_position_in_block(operands[0], blocks.size), later_blocks, nominal=nominal)
            first, end = operands[0].address, operands[-1].address + operands[-1].bytes
            what = "keys" if operands[0].transposed else "values"
            yield Shifted(first, end, Store, start, per_run, 0, f"place of new {what}")
    for name, place in survey.constants.items():
        operator = survey.lowered.buffers[name].operator
        assert isinstance(operator, Operator)
        if operator.kind is Kind.KV_APPEND and name in survey.lowered.states:
            element = Term(1, blocks.size, place.storage.scratchpad_bytes)
            start = Formula.of(element, later_blocks, nominal=nominal)
            yield Shifted(place.address, place.stop, Store, start, per_run, 0, "place of new scales")
        elif operator.rotary:
            start = Formula.of(Term(1, 0, place.pitch), nominal=nominal)
            yield Shifted(place.address, place.stop, Load, start, 0, 0, "row of the tables of rotary embedding")
        elif serves_every_position(operator):
            yield _mask(operator, place, blocks)


def _position_in_block(operand: StoredOperand, size: int) -> tuple[Term, ...]:
    """Return the terms of the address of a position in a block of keys or values."""
    if isinstance(operand, NpeStored):
        return (Term(1, size, operand.position_bytes),)
    tile = operand.config.cim_array.tile
    if not operand.transposed:
        return Term(1, tile.rows, operand.row_bytes), Term(tile.rows, size // tile.rows, operand.piece_bytes)
    each = 2 if operand.packed else 1
    columns = operand.columns
    return Term(each, columns // each, 1), Term(columns, size // columns, operand.chunk_bytes)


def _mask(operator: Operator, place: PaddedRows, blocks: Blocks) -> Shifted:
    """Return the part of a mask for a position; see :func:`.masks.mask_contents`."""
    variants, element = operator.variants, place.storage.scratchpad_bytes
    before = middle(operator) * element
    start = Formula.of(
        Term(1, variants, place.pitch), Term(variants, 0, -variants * element), nominal=blocks.nominal, plus=before
    )
    return Shifted(place.address, place.stop, Load, start, 0, blocks.size * element, "part of the mask", before)
