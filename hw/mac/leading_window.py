"""Finds the leading bits of a sum whose carries wait, without adding all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.leading import count_leading_zeros
from tilewright.hw.arith.prefix import increment
from tilewright.hw.arith.segments import Segments
from tilewright.hw.arith.shifter import shift_left


@dataclass(frozen=True)
class Window:
    """Upper bits of a sum, from its highest segment that is not all sign down; carries must still be added.

    In the lowest segment if there is none.
    """

    segment: Value
    """Number of the segment that contains the leading bit."""
    parts: list[Value]
    """Bits of this segment and of as many lower ones as are needed, the highest first; the last may lack low bits."""
    carries: list[Value]
    """Carry of each part, to be added at the second bit, or at the first bit of a last part that lacks low bits."""
    sticky: Value
    """Flag: there are ones below the window."""
    sign: Value
    zero: Value
    """Flag: the sum is 0."""


@dataclass(frozen=True)
class _Segment:
    """A segment and the number that is added to it: 0, 1 or 2."""

    bits: Value
    low: Value
    """Lowest bit of the segment after the addition."""
    carry: Value
    """Carry of 1 to be added from the second bit on."""
    is_zero: Value
    is_ones: Value


def leading_window(
    m: Module, segments: Segments, keep: int, name: str, *, when: Value, low: tuple[int, Value] | None = None
) -> Window:
    """Return the upper bits of a signed sum: a segment, and ``keep`` bits below it; zeros without ``when``.

    ``low`` says of how many segments the sum is if a bit is set: the others count as copies of its sign.

    Which segments a carry reaches, and which are all zeros or ones in the end, is seen from patterns of their bits.
    """
    below: Value = Const(0, 1)
    looked: list[_Segment] = []
    for i, (total, carry) in enumerate(zip(segments.sums, segments.carries, strict=True)):
        segment, below = _look(m, total, carry, below, f"{name}_{i}")
        looked.append(segment)
    count, width = len(looked), len(looked[0].bits)
    sign = Signal(name=f"{name}_sign")
    signs = [segment.bits[-1] ^ (segment.carry & segment.bits[1:-1].all()) for segment in looked]
    used, is_low = low or (count, Const(0, 1))
    m.d.comb += sign.eq(Mux(is_low, signs[used - 1], signs[-1]))
    # The highest that is not all sign, else the lowest.
    differs, here = Signal(count, name=f"{name}_differs"), Signal(count, name=f"{name}_here")
    for i, segment in enumerate(looked):
        unlike = ~Mux(sign, segment.is_ones, segment.is_zero)
        m.d.comb += [
            differs[i].eq(unlike if i < used else unlike & ~is_low),
            here[i].eq((differs[i] if i else 1) & ~differs[i + 1 :].any() & when),
        ]

    def chosen(values: list[Value], what: str) -> Value:
        """Return the value beside the segment."""
        result = Signal(len(values[0]), name=f"{name}_{what}")
        m.d.comb += result.eq(_any_of(value & here[i].replicate(len(value)) for i, value in enumerate(values)))
        return result

    parts = [chosen([Cat(segment.low, segment.bits[1:]) for segment in looked], "part0")]
    carries = [chosen([segment.carry for segment in looked], "carry0")]
    wholes, rest = divmod(keep, width)
    nothing = _Segment(Const(0, width), Const(0, 1), Const(0, 1), Const(1, 1), Const(0, 1))
    # From here on: what is so many segments lower.
    for step in range(1, wholes + 1):
        lower = [nothing] * step + looked[:-step]
        parts.append(chosen([Cat(segment.low, segment.bits[1:]) for segment in lower], f"part{step}"))
        carries.append(chosen([segment.carry for segment in lower], f"carry{step}"))
    lost: list[Value] = [Const(0, 1)] * count
    if rest:
        step = wholes + 1
        lower = [nothing] * step + looked[:-step]
        cut = width - rest
        parts.append(chosen([segment.bits[cut:] for segment in lower], f"part{step}"))
        carries.append(chosen([segment.carry & segment.bits[1:cut].all() for segment in lower], f"carry{step}"))
        lost = [
            segment.low | Mux(segment.carry, ~segment.bits[1:cut].all(), segment.bits[1:cut].any()) for segment in lower
        ]
        wholes += 1
    any_below: list[Value] = [Const(0, 1)] * count
    rising: Value = Const(0, 1)
    for i in range(wholes + 1, count):
        step_below = Signal(name=f"{name}_any_below{i}")
        m.d.comb += step_below.eq(rising | ~looked[i - wholes - 1].is_zero)
        rising = any_below[i] = step_below
    number = Signal(range(count), name=f"{name}_segment")
    zero = Signal(name=f"{name}_zero")
    m.d.comb += [
        number.eq(_any_of(here[i].replicate(len(number)) & i for i in range(count))),
        zero.eq(here[0] & ~differs[0] & ~sign),
    ]
    sticky = chosen([one | other for one, other in zip(lost, any_below, strict=True)], "sticky")
    return Window(number, parts, carries, sticky, sign, zero)


def _look(m: Module, bits: Value, carry: Value, below: Value, name: str) -> tuple[_Segment, Value]:
    """Return a segment with its carry and the one from below added, and whether it overflows then."""
    # Lowest bits first: ...00 is 0, ...11 is all ones, and so on down.
    upper = bits[2:]
    ones, zeros = Signal(name=f"{name}_upper_ones"), Signal(name=f"{name}_upper_zeros")
    patterns = Signal(4, name=f"{name}_patterns")
    low, carried, is_zero, is_ones, out = (
        Signal(name=f"{name}_{what}") for what in ("low", "carried", "is_zero", "is_ones", "out")
    )
    m.d.comb += [
        ones.eq(upper.all()),
        zeros.eq(~upper.any()),
        # 0, -1, -2, -3.
        patterns.eq(
            Cat(
                zeros & ~bits[1] & ~bits[0],
                ones & bits[1] & bits[0],
                ones & bits[1] & ~bits[0],
                ones & ~bits[1] & bits[0],
            )
        ),
        low.eq(bits[0] ^ carry ^ below),
        carried.eq((bits[0] & (carry | below)) | (carry & below)),
        # With the carry alone, and with both.
        is_zero.eq(Mux(below, Mux(carry, patterns[2], patterns[1]), Mux(carry, patterns[1], patterns[0]))),
        is_ones.eq(Mux(below, Mux(carry, patterns[3], patterns[2]), Mux(carry, patterns[2], patterns[1]))),
        # An overflow from below, and one of itself.
        out.eq((ones & bits[1]) & ((bits[0] & carry) | ((bits[0] | carry) & below))),
    ]
    return _Segment(bits, low, carried, is_zero, is_ones), out


def normalise_parts(m: Module, window: Window, keep: int, name: str) -> tuple[Value, Value, Value, Value]:
    """Add a window's carries and find the leading bit in its first part.

    Returns
    -------
    run : Value
        Number of bits above the leading bit in the first part.
    fraction : Value
        ``keep`` bits behind it.
    sticky : Value
        There are ones below.
    minus_one : Value
        The sum is -1: its leading bit is below the first part's last.
    """
    words: list[Value] = []
    width = len(window.parts[0])
    for i, (part, carry) in enumerate(zip(window.parts, window.carries, strict=True)):
        cut = i > 0 and len(part) < width
        if cut:
            words.insert(0, increment(m, part, carry, f"{name}_word{i}"))
        else:
            words.insert(0, Cat(part[0], increment(m, part[1:], carry, f"{name}_word{i}")))
    bits = Cat(*words)
    head = Signal(width, name=f"{name}_head")
    m.d.comb += head.eq(bits[-width:] ^ window.sign.replicate(width))
    # There is a leading bit: if it is not one of the others, it is the last.
    run = count_leading_zeros(m, head[1:], f"{name}_run")
    moved = shift_left(m, bits, run, f"{name}_moved")
    fraction = moved[-1 - keep : -1]
    sticky, minus_one = Signal(name=f"{name}_sticky"), Signal(name=f"{name}_minus_one")
    m.d.comb += [
        sticky.eq(window.sticky | moved[: -1 - keep].any()),
        minus_one.eq(window.sign & ~head.any()),
    ]
    return run, fraction, sticky, minus_one


def _any_of(terms: Iterable[Value]) -> Value:
    """Return the bitwise or of values, which selects the only value that is not 0."""
    return reduce(or_, terms)
