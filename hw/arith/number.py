"""A decoded number, as arithmetic units pass it between their parts."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.pipeline import delay


@dataclass(frozen=True)
class Parts:
    """Parts of a decoded number; a subclass defines its value.

    With ``zero``, ``nan`` (or NaR) or ``inf`` the scale means nothing, and ``fraction`` and ``sticky`` are 0; an
    infinity has a sign, and so has the zero of a minifloat.
    """

    sign: Value
    """Sign bit of the number."""
    scale: Value
    """Signed exponent of two."""
    fraction: Value
    """Bits after the binary point; the highest bit weighs one half."""
    sticky: Value
    """Flag: the true fraction is a little larger, by less than its last bit."""
    zero: Value
    nan: Value
    inf: Value


class Number(Parts):
    """A normalised number in two's complement: ``value = (1 - 3 * sign + fraction) * 2 ** scale``.

    The significand ``{sign, ~sign . fraction}`` lies in [1, 2) or in [-2, -1). Posits decode and encode in this form
    without a negation, whichever their sign (R. Murillo et al., "Comparing Different Decodings for Posit Arithmetic",
    CoNGA 2022; the formula is the Posit Standard's).
    """

    @property
    def significand(self) -> Value:
        """Signed significand with two bits before the binary point; 0 for a zero and for what is not a number."""
        finite = ~(self.zero | self.nan | self.inf)
        return Cat(self.fraction, ~self.sign & finite, self.sign & finite).as_signed()


class Magnitude(Parts):
    """A normalised number as sign and magnitude: ``value = (-1) ** sign * (1 + fraction) * 2 ** scale``."""


def to_magnitude(m: Module, number: Number, name: str) -> Magnitude:
    """Return a number in two's complement as sign and magnitude."""
    # 2 - fraction for the negative ones; with nothing behind the point that is 2, the next power.
    tail = Cat(number.sticky, number.fraction)
    power = Signal(name=f"{name}_power")
    fraction = Signal(len(number.fraction), name=f"{name}_fraction")
    scale = Signal(Value.cast(number.scale + 1).shape(), name=f"{name}_scale")
    m.d.comb += [
        power.eq(number.sign & ~tail.any()),
        # With a sticky bit the negation borrows from below the fraction: no increment.
        fraction.eq((number.fraction ^ number.sign.replicate(len(fraction))) + (number.sign & ~number.sticky)),
        scale.eq(number.scale + power),
    ]
    return Magnitude(number.sign, scale, fraction, number.sticky, number.zero, number.nan, number.inf)


def from_magnitude(m: Module, magnitude: Magnitude, name: str) -> Number:
    """Return sign and magnitude as a number in two's complement; ``sticky`` must be 0."""
    fraction = Signal(len(magnitude.fraction), name=f"{name}_fraction")
    scale = Signal(Value.cast(magnitude.scale - 1).shape(), name=f"{name}_scale")
    m.d.comb += [
        fraction.eq(Mux(magnitude.sign, -magnitude.fraction, magnitude.fraction)),
        # -1 is -2 at half the scale.
        scale.eq(magnitude.scale - (magnitude.sign & ~magnitude.fraction.any())),
    ]
    sign, zero = magnitude.sign, magnitude.zero
    return Number(sign, scale, fraction, Const(0), zero, magnitude.nan, magnitude.inf)


def registered(m: Module, number: Number, name: str) -> Number:
    """Return a number one cycle later."""
    return Number(
        *(
            value if isinstance(value, Const) else delay(m, value, f"{name}_{part}", reset_less=True)
            for part, value in vars(number).items()
        )
    )
