"""Moves the leading bit of a number to its place."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Signal, Value, ValueLike

from tilewright.hw.arith.leading import count_leading_zeros
from tilewright.hw.arith.number import Magnitude, Number
from tilewright.hw.arith.shifter import shift_left


def normalise_signed(
    m: Module, value: Value, scale: ValueLike, name: str, *, sticky: ValueLike = 0
) -> tuple[Number, Value]:
    """Return ``value * 2 ** scale``, ``value`` a signed integer, as a number; and whether ``value`` is 0.

    The number has no special flags set; ``sticky`` becomes its own.
    """
    width = len(value)
    sign = value[-1]
    differs = Signal(width - 1, name=f"{name}_differs")
    m.d.comb += differs.eq(value[:-1] ^ sign.replicate(width - 1))
    # At -1 or 0 no bit differs from the sign: all of the others are moved out.
    run = count_leading_zeros(m, differs, f"{name}_run")
    moved = shift_left(m, value[:-1], run, f"{name}_moved")
    # Behind the leading bit.
    fraction = moved[:-1]
    normal = Signal(Value.cast(scale + (width - 2) - run).shape(), name=f"{name}_scale")
    zero = Signal(name=f"{name}_zero")
    m.d.comb += [normal.eq(scale + (width - 2) - run), zero.eq(~value.any())]
    return Number(sign, normal, fraction, Value.cast(sticky), Const(0), Const(0), Const(0)), zero


def normalise_magnitude(m: Module, value: Value, scale: ValueLike, sign: Value, name: str) -> tuple[Magnitude, Value]:
    """Return ``(-1) ** sign * value * 2 ** scale``, ``value`` an unsigned integer; and whether ``value`` is 0."""
    width = len(value)
    run = count_leading_zeros(m, value[1:], f"{name}_run")
    moved = shift_left(m, value, run, f"{name}_moved")
    normal = Signal(Value.cast(scale + (width - 1) - run).shape(), name=f"{name}_scale")
    zero = Signal(name=f"{name}_zero")
    m.d.comb += [normal.eq(scale + (width - 1) - run), zero.eq(~moved[-1])]
    return Magnitude(sign, normal, moved[:-1], Const(0), Const(0), Const(0), Const(0)), zero


def highest_chunk(m: Module, value: Value, chunk_bits: int, keep: int, name: str) -> tuple[Value, Value, Value, Value]:
    """Find the chunk of a wide signed integer that contains the leading bit.

    The bits behind the sign, and a 0 behind the last, are cut into chunks, the highest first.

    Parameters
    ----------
    value : Value
        Signed; its width is a multiple of ``chunk_bits``.
    chunk_bits : int
        A power of two.
    keep : int
        Bits wanted behind the leading bit.

    Returns
    -------
    chunk : Value
        Number of the first chunk with a bit that differs from the sign.
    window : Value
        ``chunk_bits + keep`` bits from the highest of this chunk down.
    sticky : Value
        Whether there are ones below the window.
    zero : Value
        Whether the value is 0.
    """
    sign = value[-1]
    bits = Cat(Const(0, 1), value[:-1])
    count = len(bits) // chunk_bits
    # Chunks, highest first, and zeros below them for the windows of the last ones.
    reach = -(-keep // chunk_bits)
    padded = Cat(Const(0, reach * chunk_bits), bits)

    def chunk_at(index: int) -> Value:
        return padded.word_select(count + reach - 1 - index, chunk_bits)

    differs, here = Signal(count, name=f"{name}_differs"), Signal(count, name=f"{name}_here")
    for index in range(count):
        m.d.comb += [
            differs[index].eq((chunk_at(index) ^ sign.replicate(chunk_bits)).any()),
            here[index].eq(differs[index] & ~differs[:index].any()),
        ]
    number = Signal(range(count), name=f"{name}_chunk")
    window = Signal(chunk_bits + keep, name=f"{name}_window")
    # All bits from the highest of each chunk down; the window is the upper part.
    down = [padded[: (count + reach - index) * chunk_bits] for index in range(count)]
    any_below: list[Value] = []
    for index in reversed(range(count)):
        rest = down[index][: -len(window)]
        own = min(len(rest), chunk_bits)
        # What the next chunk's window leaves out, and the bits between the two windows.
        lost = Signal(name=f"{name}_lost{index}")
        m.d.comb += lost.eq(rest[len(rest) - own :].any() | (any_below[-1] if any_below else 0))
        any_below.append(lost)
    any_below.reverse()
    sticky, zero = Signal(name=f"{name}_sticky"), Signal(name=f"{name}_zero")
    m.d.comb += [
        number.eq(_any_of(here[index].replicate(len(number)) & index for index in range(count))),
        window.eq(_any_of(here[index].replicate(len(window)) & down[index][-len(window) :] for index in range(count))),
        sticky.eq(_any_of(here[index] & any_below[index] for index in range(count))),
        zero.eq(~differs.any() & ~sign),
    ]
    return number, window, sticky, zero


def normalise_window(m: Module, window: Value, sign: Value, chunk_bits: int, name: str) -> tuple[Value, Value]:
    """Find the leading bit within the highest chunk of a window that :func:`highest_chunk` returned.

    Returns the number of bits above it, below ``chunk_bits``, and the bits behind it.
    """
    head = window[-chunk_bits:] ^ sign.replicate(chunk_bits)
    # There is a leading bit: if it is not one of the others, it is the last.
    run = count_leading_zeros(m, head[1:], f"{name}_run")
    moved = shift_left(m, window, run, f"{name}_moved")
    return run, moved[:-1]


def _any_of(terms: Iterable[Value]) -> Value:
    """Return the bitwise or of values, which selects the only value that is not 0."""
    return reduce(or_, terms)
