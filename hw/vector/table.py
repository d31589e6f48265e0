"""Functions of a significand, from a table."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib.memory import Memory

from tilewright.hw.pipeline import delay
from tilewright.sim.formats.functions import ENTRIES, GUARD_BITS, HALF, STEP_BITS, Table

LOOK_UP = 3
"""Cycles from a position to the significand."""


def look_up(m: Module, tables: Sequence[Table], choice: Value, position: Value) -> Value:
    """Return a table's significand, ``LOOK_UP`` cycles later: :meth:`.functions.Table.significand`, 25 bits.

    Parameters
    ----------
    tables : sequence of Table
        All rising or all falling.
    choice : Value
        Which one.
    position : Value
        23 bits.
    """
    [falls] = {table.falls for table in tables}
    base_bits = max(max(table.base) for table in tables).bit_length()
    step_bits = max(max(table.steps) for table in tables).bit_length()
    rows = [base | step << base_bits for table in tables for base, step in zip(table.base, table.steps, strict=False)]
    m.submodules.table = memory = Memory(shape=base_bits + step_bits, depth=len(tables) * ENTRIES, init=rows)
    port = memory.read_port()
    m.d.comb += port.addr.eq(Cat(position[STEP_BITS:], choice))
    t = delay(m, position[:STEP_BITS], "t", reset_less=True)
    base, step = port.data[:base_bits], port.data[base_bits:]
    way = delay(m, (step * t) >> STEP_BITS, "way", reset_less=True)
    base = delay(m, base, "base", reset_less=True)
    total = base + HALF - way if falls else base + HALF + way
    return delay(m, (total >> GUARD_BITS)[:25], "significand", reset_less=True)


def assembled(m: Module, significand: Value, exponent: Value, name: str) -> Value:
    """Return the bits of an FP32 number behind its sign; a significand of 2 carries into the exponent."""
    carry = significand[-1]
    return Cat(Mux(carry, 0, significand[:23]), (exponent + carry)[:8])
