"""Timing of a memory on AXI4, for benches."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Memory timing: latencies in cycles, rates in beats per cycle.

    In the first ``refresh_cycles`` cycles of each ``refresh_period`` memory is refreshed and moves no beat; with 0
    there is no refresh. Reads and writes may take turns: of each ``turn_period`` cycles without refresh, the first
    ``read_to_write`` move no beat, the next ``write_cycles`` are for writes, the next ``write_to_read`` move no beat,
    and the rest is for reads. With ``write_cycles`` 0, each direction has all cycles.
    """

    latency: int = 1
    rate: Fraction = Fraction(1)
    write_latency: int = 1
    write_rate: Fraction = Fraction(1)
    refresh_period: int = 1
    refresh_cycles: int = 0
    turn_period: int = 1
    read_to_write: int = 0
    write_cycles: int = 0
    write_to_read: int = 0


NEAR = Timing()
"""Timing of a memory that answers at once."""
