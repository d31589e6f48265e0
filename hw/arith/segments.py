"""Wide sums in segments: an addition's carries wait for the next one, so that no carry chain is long."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike

from tilewright.hw.arith.prefix import increment


@dataclass(frozen=True)
class Segments:
    """The signed number ``sum((sums[i] + carries[i]) << (width * i))``, modulo its whole width."""

    sums: list[Value]
    """Lowest first, all of one width."""
    carries: list[Value]
    """One bit each, still to be added to the segment; the lowest has none."""


def accumulate(
    m: Module,
    addend: Value,
    segment_bits: int,
    name: str,
    *,
    when: ValueLike,
    first: ValueLike,
    joined: list[ValueLike] | None = None,
) -> Segments:
    """Return registers to which ``addend`` is added in each cycle with ``when``; ``first`` starts anew.

    Parameters
    ----------
    addend : Value
        As wide as the sum, a multiple of ``segment_bits``.
    joined : list, optional
        For each segment but the lowest, whether it continues the one below; all of them if not given.
    """
    count = len(addend) // segment_bits
    sums = [Signal(segment_bits, name=f"{name}_sum{i}", reset_less=True) for i in range(count)]
    carries = [Const(0, 1), *(Signal(name=f"{name}_carry{i}", reset_less=True) for i in range(1, count))]
    for i, (total, carry) in enumerate(zip(sums, carries, strict=True)):
        added = Signal(segment_bits + 1, name=f"{name}_added{i}")
        kept = Mux(first, 0, total)
        part = addend.word_select(i, segment_bits)
        # The carry comes in through one more place below.
        m.d.comb += added.eq((Cat(carry & ~first, kept) + Cat(carry & ~first, part))[1:] if i else kept + part)
        with m.If(when):
            m.d.sync += total.eq(added[:-1])
            if i + 1 < count:
                m.d.sync += carries[i + 1].eq(added[-1] & (1 if joined is None else joined[i]))
    return Segments(sums, carries)


def resolve(m: Module, segments: Segments, name: str) -> Value:
    """Return the number as one word, all carries added.

    A segment and its carry overflow only from all ones; the segment is then 0, so that a carry from below does not
    overflow it again. Whether it does so is seen without an addition.
    """
    words: list[Value] = []
    below: Value = Const(0, 1)
    for i, (total, carry) in enumerate(zip(segments.sums, segments.carries, strict=True)):
        upper, overflows, full = (Signal(name=f"{name}_{what}{i}") for what in ("upper", "overflows", "full"))
        out = Signal(name=f"{name}_out{i}")
        m.d.comb += [
            upper.eq(total[1:].all()),
            overflows.eq(upper & total[0] & carry),
            full.eq(upper & (total[0] ^ carry)),
            out.eq(overflows | (full & below)),
        ]
        # One or two more: two is one more from the second place on.
        low = Signal(name=f"{name}_low{i}")
        m.d.comb += low.eq(total[0] ^ carry ^ below)
        carried = (total[0] & (carry | below)) | (carry & below)
        words += [low, increment(m, total[1:], carried, f"{name}_word{i}")]
        below = out
    return Cat(*words)
