"""Rounds numbers to any of several short formats, in one shifter and one adder."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.number import Number
from tilewright.hw.arith.shifter import shift_right_sticky
from tilewright.sim.formats import Minifloat, Posit, ScalarFormat

WORD_BITS = 16


@dataclass(frozen=True)
class _String:
    """Bit string of a number in one format, for the parts that all formats share."""

    head: Value
    """First bits of the string, above the fraction."""
    distance: Value
    """Number of places by which the string moves to the right."""
    fill: Value
    """Value of the bits that come in from the left."""
    far: Value
    """Flag: the code is the largest or the smallest, ``{far_fill, 1}``."""
    far_fill: Value


def encode_string(m: Module, formats: Sequence[tuple[ScalarFormat, Value]], number: Number, name: str) -> Value:
    """Return the code of a number in the chosen format, rounded to nearest, ties to even; the bits above it are zeros.

    A format makes a string of bits of a number: regime or exponent, and fraction. It is shifted right, until the last
    bit of the code is that of the word, and rounded there. Numbers in two's complement give codes in two's complement,
    see :mod:`.arith.posit_codec`; minifloats then negate beside rounding.

    Parameters
    ----------
    formats : sequence of (format, Value)
        Posits up to 16 bits and fp4_e2m1, and whether each is chosen: one of them.
    """
    sign = number.sign
    # The code of a negative number has the inverse scale.
    scale = Signal(number.scale.shape(), name=f"{name}_inverse_scale")
    finite, is_float, has_sign = (Signal(name=f"{name}_{what}") for what in ("finite", "is_float", "has_sign"))
    m.d.comb += [
        scale.eq(number.scale ^ sign.replicate(len(scale))),
        finite.eq(~(number.zero | number.nan | number.inf)),
        is_float.eq(_any_of([choice for format, choice in formats if isinstance(format, Minifloat)])),
    ]
    chosen = [choice for _, choice in formats]
    strings = [
        _posit(m, format, scale, f"{name}_{format.name}")
        if isinstance(format, Posit)
        else _fp4(m, number, f"{name}_{format.name}")
        for format, _ in formats
    ]

    def select(values: list[Value], what: str) -> Value:
        """Return the value of the chosen format."""
        result = Signal(max(len(value) for value in values), name=f"{name}_{what}")
        extended = [Cat(value, Const(0, len(result) - len(value))) for value in values]
        m.d.comb += result.eq(
            _any_of([value & choice.replicate(len(result)) for value, choice in zip(extended, chosen, strict=True)])
        )
        return result

    # The string, and what is beyond the word.
    longest = max(len(string.head) for string in strings)
    width = max(len(number.fraction) + longest, WORD_BITS)
    text = Signal(width, name=f"{name}_string")
    by_head: dict[int, list[Value]] = {}
    for string, choice in zip(strings, chosen, strict=True):
        by_head.setdefault(len(string.head), []).append(choice)
    parts = [select([Cat(Const(0, longest - len(string.head)), string.head) for string in strings], "head")]
    parts = [Cat(Const(0, width - longest), parts[0] & finite.replicate(longest))]
    for head, choices in by_head.items():
        padding = Const(0, width - head - len(number.fraction))
        here = Const(1, 1) if len(by_head) == 1 else _any_of(choices)
        parts.append(Cat(padding, number.fraction & here.replicate(len(number.fraction))))
    m.d.comb += text.eq(_any_of(parts))
    lost = width - WORD_BITS
    moved, sticky = shift_right_sticky(
        m,
        text[lost:],
        select([string.distance for string in strings], "distance"),
        f"{name}_shifted",
        fill=select([string.fill for string in strings], "fill") & finite,
        sticky=number.sticky | text[:lost].any(),
    )
    far, far_fill = (select([getattr(string, what) for string in strings], what) for what in ("far", "far_fill"))
    # Of a zero nothing is left, nor of what a posit has NaR for.
    kept, up, negate = (Signal(name=f"{name}_{what}") for what in ("kept", "up", "negate"))
    body, rounded = Signal(WORD_BITS - 1, name=f"{name}_body"), Signal(WORD_BITS - 1, name=f"{name}_rounded")
    special = number.nan | number.inf
    m.d.comb += [
        kept.eq(finite | (special & is_float)),
        up.eq(moved[0] & (sticky | moved[1]) & ~far),
        negate.eq(is_float & sign & kept & ~number.nan),
        body.eq(
            Mux(far, Cat(kept, (far_fill & kept).replicate(WORD_BITS - 2)), moved[1:]) ^ negate.replicate(WORD_BITS - 1)
        ),
        # -(body + up) is ~body + 1 - up.
        rounded.eq(body + (up ^ negate)),
        has_sign.eq(Mux(special & ~is_float, 1, sign & ~number.nan & (finite | is_float))),
    ]
    code = Signal(WORD_BITS, name=f"{name}_code")
    for bit in range(WORD_BITS):
        inside = [choice for format, choice in formats if format.bits > bit + 1]
        ends = [choice for format, choice in formats if format.bits == bit + 1]
        term = rounded[bit] if bit < WORD_BITS - 1 and len(inside) == len(formats) else Const(0, 1)
        if inside and len(inside) < len(formats):
            term = rounded[bit] & _any_of(inside)
        m.d.comb += code[bit].eq(term | (has_sign & _any_of(ends)))
    return code


def _posit(m: Module, format: Posit, scale: Value, name: str) -> _String:
    """Return the string of a number whose scale is inverted if it is negative."""
    n, es = format.n, format.es
    exponent, regime = scale[:es], scale[es:]
    zeros = scale[-1]
    distance, far = Signal(len(regime) - 1, name=f"{name}_distance"), Signal(name=f"{name}_far")
    m.d.comb += [
        distance.eq(regime[:-1] ^ zeros.replicate(len(distance))),
        # From here on the regime fills the code: the smallest or the largest there is.
        far.eq(distance >= n - 2),
    ]
    # What moves the code to the word's end, 16 - n, and the distances before it is far, do not overlap.
    steps = (n - 3).bit_length()
    moves = Cat(distance[:steps], Const((WORD_BITS - n) >> steps, 4 - steps))
    return _String(Cat(exponent, zeros, ~zeros), moves, ~zeros, far, ~zeros)


def _fp4(m: Module, number: Number, name: str) -> _String:
    """Return the string of a number for fp4_e2m1, in two's complement."""
    sign, scale = number.sign, number.scale
    negative, huge, tiny = (Signal(name=f"{name}_{what}") for what in ("negative", "huge", "tiny"))
    exponent, moves = Signal(2, name=f"{name}_exponent"), Signal(2, name=f"{name}_moves")
    m.d.comb += [
        negative.eq(scale[-1]),
        # From 6, the largest, on nothing is rounded.
        huge.eq(~negative & (scale[2:-1].any() | scale[:2].all() | (scale[1] & (number.fraction[-1] ^ sign)))),
        # Below 1/4 all is rounded to 0.
        tiny.eq(negative & ~scale[1:].all()),
        exponent.eq(Mux(negative, 1, Cat(~scale[0], scale[:2].any())) ^ sign.replicate(2)),
        moves.eq(Cat(negative & (scale[0] | tiny), negative & (~scale[0] | tiny))),
    ]
    special = number.nan | number.inf
    return _String(exponent, Cat(moves, Const(3, 2)), sign, huge | special, ~sign | number.nan)


def _any_of(values: list[Value]) -> Value:
    total: Value = Const(0, 1)
    for value in values:
        total = total | value
    return total
