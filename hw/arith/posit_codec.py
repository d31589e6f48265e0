"""Decodes and encodes posits."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.leading import count_leading_zeros, leading_one, one_hot_to_binary
from tilewright.hw.arith.number import Number
from tilewright.hw.arith.shifter import shift_left, shift_left_one_hot, shift_right_sticky
from tilewright.sim.formats import Posit

ONE_HOT_BITS = 10
"""Width up to which posits are decoded with one-hot distances: smaller and faster there, larger for wider posits."""


def decode_posit(m: Module, format: Posit, code: Value, name: str) -> Number:
    """Return the parts of a posit without a negation: a negative posit has the inverse of its code's scale.

    The code's regime is a run of equal bits behind the sign; what follows the run is moved up to its place.
    """
    n, es = format.n, format.es
    sign, first = code[n - 1], code[n - 2]
    # Count how often the first bit of the regime is repeated.
    differs = Signal(n - 2, name=f"{name}_differs")
    m.d.comb += differs.eq(code[: n - 2] ^ first.replicate(n - 2))
    # Run and the bit that ends it take at least two bits.
    tail = code[: n - 3]
    if n <= ONE_HOT_BITS:
        first_difference = leading_one(m, differs, f"{name}_first_difference")
        run = one_hot_to_binary(m, first_difference, f"{name}_run")
        rest = shift_left_one_hot(m, tail, first_difference, f"{name}_rest")
    else:
        run = count_leading_zeros(m, differs, f"{name}_run")
        rest = shift_left(m, tail, run, f"{name}_rest")
    rest = Cat(Const(0, max(es - (n - 3), 0)), rest)
    exponent, fraction = rest[len(rest) - es :], rest[: len(rest) - es]
    # A run of ones means a regime of `run`, one of zeros -1 - run, its inverse; a sign inverts once more.
    low = ~(first ^ sign)
    scale = Signal(len(run) + 1 + es, name=f"{name}_scale")
    m.d.comb += scale.eq(Cat(exponent ^ sign.replicate(es), run ^ low.replicate(len(run)), low))
    body = Signal(name=f"{name}_body")
    m.d.comb += body.eq(code[: n - 1].any())
    return Number(sign, scale.as_signed(), fraction, Const(0), ~body & ~sign, ~body & sign, Const(0))


def encode_posit(m: Module, format: Posit, number: Number, name: str, *, negate: Value | None = None) -> Value:
    """Return the code of a posit, rounded to nearest, ties to even, never to zero or NaR; infinities become NaR.

    Regime, exponent and fraction form one string of bits that is shifted right to its place, repeating the first
    bit of the regime, and rounded there. In two's complement this holds for both signs. With ``negate`` the code is
    negated beside its rounding; the number is then to be positive.
    """
    n, es = format.n, format.es
    sign = number.sign
    # The code of a negative number has the inverse scale.
    scale = Signal(number.scale.shape(), name=f"{name}_scale")
    m.d.comb += scale.eq(number.scale ^ sign.replicate(len(scale)))
    if len(scale) <= es:
        scale = scale.as_signed() + Const(0, es + 1)
    exponent, regime = scale[:es], scale[es:]
    zeros = regime[-1]
    distance = Signal(len(regime) - 1, name=f"{name}_distance")
    m.d.comb += distance.eq(regime[:-1] ^ zeros.replicate(len(distance)))
    # From here on the regime fills the code: the smallest or the largest there is.
    far, finite = Signal(name=f"{name}_far"), Signal(name=f"{name}_finite")
    m.d.comb += [far.eq(distance >= n - 2), finite.eq(~(number.zero | number.nan | number.inf))]

    # Without its regime the string of a special number is zero, as its fraction is.
    string = Cat(number.fraction, exponent & finite.replicate(es), zeros & finite, ~zeros & finite)
    below = max(len(string) - n, 0)
    kept = Cat(Const(0, n - len(string) + below), string[below:])
    steps = min((n - 3).bit_length(), len(distance))
    fill = string[-1]
    shifted, sticky = shift_right_sticky(
        m,
        kept,
        distance[:steps],
        f"{name}_shifted",
        fill=fill,
        sticky=number.sticky | string[:below].any(),
    )
    code, up = Signal(n, name=f"{name}_code"), Signal(name=f"{name}_up")
    body = Mux(far, Cat(finite, fill.replicate(n - 2)), shifted[1:])
    m.d.comb += up.eq(shifted[0] & (sticky | shifted[1]) & ~far)
    if negate is not None:
        sign = negate
        # -(body + up) is ~body + 1 - up.
        negative = Signal(name=f"{name}_negative")
        m.d.comb += negative.eq(negate & finite)
        body, up = body ^ negative.replicate(n - 1), up ^ negative
    m.d.comb += code.eq(Cat((body + up)[: n - 1], Mux(finite, sign, number.nan | number.inf)))
    return code
