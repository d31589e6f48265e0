"""Wide sums in segments: the carries of an addition wait for the next one, so that no carry chain is long."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike

from tilewright.hw.arith.prefix import increment


@dataclass(frozen=True)
class Segments:
    """A signed number, ``sum((sums[i] + carries[i]) << (width * i))``, modulo its whole width."""

    sums: list[Value]
    """Segments of one width each, the lowest first."""
    carries: list[Value]
    """One bit for each segment that must still be added to the segment; the lowest segment has no carry."""


def check_segment_bits(segment_bits: int, width: int) -> None:
    """Raise ValueError unless a sum of some width can be cut into segments of ``segment_bits``."""
    if segment_bits < 2 or width % segment_bits:
        raise ValueError(f"segment_bits = {segment_bits} is not allowed: it must be at least 2 and divide {width}")


def accumulate(
    m: Module,
    addend: Value,
    segment_bits: int,
    name: str,
    *,
    first: ValueLike,
    joined: list[ValueLike] | None = None,
) -> Segments:
    """Return registers to which ``addend`` is added in each cycle; ``first`` starts a new sum.

    An addend of 0 changes nothing but carries that go on their way.

    Parameters
    ----------
    addend : Value
        Number as wide as the sum, a multiple of ``segment_bits``.
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
        m.d.sync += total.eq(added[:-1])
        if i + 1 < count:
            m.d.sync += carries[i + 1].eq(added[-1] & (1 if joined is None else joined[i]))
    return Segments(sums, carries)


@dataclass(frozen=True)
class Resolved:
    """A number in segments whose carries are known: ``{uppers[i] + carries[i], lows[i]}`` are its segments."""

    uppers: list[Value]
    lows: list[Value]
    carries: list[Value]


def look_ahead(m: Module, segments: Segments, name: str, *, joined: list[Value] | None = None) -> Resolved:
    """Return the segments that a carry reaches, without an addition; ``joined`` is the same as for :func:`accumulate`.

    A segment and its carry overflow only from all ones; the segment is then 0, so that a carry from below does not
    overflow it again.
    """
    resolved = Resolved([], [], [])
    below: Value = Const(0, 1)
    for i, (total, carry) in enumerate(zip(segments.sums, segments.carries, strict=True)):
        low, carried, out = (Signal(name=f"{name}_{what}{i}") for what in ("low", "carried", "out"))
        # One or two more: two is one more from the second place on.
        m.d.comb += [
            low.eq(total[0] ^ carry ^ below),
            carried.eq((total[0] & (carry | below)) | (carry & below)),
            out.eq(carried & total[1:].all()),
        ]
        resolved.uppers.append(total[1:])
        resolved.lows.append(low)
        resolved.carries.append(carried)
        below = out if joined is None or i == len(joined) else out & joined[i]
    return resolved


def add_carries(m: Module, resolved: Resolved, name: str) -> Value:
    """Return the number as one word."""
    words: list[Value] = []
    for i, (upper, low, carry) in enumerate(zip(resolved.uppers, resolved.lows, resolved.carries, strict=True)):
        words += [low, increment(m, upper, carry, f"{name}_word{i}")]
    return Cat(*words)
