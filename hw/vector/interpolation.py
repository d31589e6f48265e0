"""Tables of significands from 1 to 2, interpolated; see :mod:`~.sim.formats.functions`."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.memory import Memory

from tilewright.hw.pipeline import delay
from tilewright.sim.formats.functions import ENTRIES, GUARD_BITS, HALF, MANTISSA_BITS, STEP_BITS, UNIT_BITS, Table

BASE_BITS, WAY_BITS = UNIT_BITS + 1, 18
"""Width of an entry less 1, with the half that rounds it, and width of its distance to the next entry."""
FRACTION_BITS = MANTISSA_BITS + 1
"""Width of a significand less 1; the highest bit is set only by a significand of 2."""
LATENCY = 3
"""Cycles from an address and a place between entries to the fraction."""


def interpolate(m: Module, tables: Sequence[Table], address: Value, t: Value) -> Value:
    """Return significands less 1, in ``FRACTION_BITS``, ``LATENCY`` cycles later.

    Parameters
    ----------
    m : Module
        Module that gets memory and registers.
    tables : sequence of Table
        Tables in successive parts of the memory; all of them fall, or none.
    address : Value
        Address of an entry.
    t : Value, STEP_BITS
        Place between it and the next one.
    """
    [falls] = {table.falls for table in tables}
    one = 1 << UNIT_BITS
    rows = [
        table.base[index] + HALF - one | table.steps[index] << BASE_BITS for table in tables for index in range(ENTRIES)
    ]
    m.submodules.table = memory = Memory(shape=BASE_BITS + WAY_BITS, depth=len(rows), init=rows)
    port = memory.read_port()
    m.d.comb += port.addr.eq(address)
    # A register behind the memory, whose read takes most of a cycle.
    entry = delay(m, port.data, "entry", reset_less=True)
    t = delay(m, t, "t", cycles=2, reset_less=True)
    product, fraction = Signal(WAY_BITS + STEP_BITS), Signal(BASE_BITS)
    m.d.comb += product.eq(entry[BASE_BITS:] * t)
    way = delay(m, product[STEP_BITS:], "way", reset_less=True)
    base = delay(m, entry[:BASE_BITS], "base", reset_less=True)
    m.d.comb += fraction.eq(base - way if falls else base + way)
    return fraction[GUARD_BITS:]
