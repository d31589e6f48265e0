"""Reads sums of the SIMD MAC out, rounded to any mode's format."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.codec import encode
from tilewright.hw.arith.number import Number
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac.core import Sum
from tilewright.hw.mac.encoder import encode_string
from tilewright.hw.mac.leading_window import leading_window, normalise_parts
from tilewright.hw.mac.plan import Plan
from tilewright.sim.formats import Mode
from tilewright.sim.formats.simd import BF16_SUM_LSB

CUTS = ("window", "normal")
"""Names of the places for registers."""


def normalise_sum(
    m: Module, pipe: Pipeline, modes: tuple[Mode, ...], result: Sum, *beside: Value, keep: int | None = None
) -> tuple[Number, list[Value]]:
    """Return a raw sum as a number, and the values ``beside`` when it is there. Places for registers: ``CUTS``.

    Parameters
    ----------
    keep : int, optional
        Bits of fraction; what is below is sticky. Default: what rounding to any mode's format needs.
    """
    plan = Plan(modes)
    if keep is None:
        # Without the leading bit, with the one that decides on rounding.
        keep = max(mode.format.significand_bits for mode in modes)
    special = [part if len(part) else Const(0, 1) for part in (result.nan, result.plus, result.minus, result.is_bf16)]
    low = (plan.narrow_segments, result.narrow) if plan.has_narrow else None
    window, special, later = pipe.cut(
        "window", leading_window(m, result.segments, keep, "lead", when=pipe.valid, low=low), special, list(beside)
    )
    run, fraction, sticky, minus_one = normalise_parts(m, window, keep, "window")
    nan, plus, minus, is_bf16 = special
    no_number, infinite, sign = Signal(), Signal(), Signal()
    # Of the sum's bits; -1 is -2 * 2 ** -1.
    place = Signal(len(run) + len(window.segment))
    lowest = min(plan.lsb, BF16_SUM_LSB if Mode.BF16 in modes else plan.lsb) - 1
    scale = Signal(Value.cast(lowest + place).shape())
    lsb = Mux(is_bf16, BF16_SUM_LSB, plan.lsb) if Mode.BF16 in modes else plan.lsb
    m.d.comb += [
        no_number.eq(nan | (plus & minus)),
        infinite.eq(plus | minus),
        place.eq(Cat(~run, window.segment)),
        scale.eq(place + lsb - minus_one),
        sign.eq((window.sign & ~plus) | minus),
    ]
    finite = ~(window.zero | no_number | infinite)
    number = Number(
        sign,
        scale,
        fraction & finite.replicate(len(fraction)),
        sticky & finite,
        window.zero & ~infinite & ~no_number,
        no_number,
        infinite & ~no_number,
    )
    return pipe.cut("normal", number, later)


STRINGS = (Mode.FP4_E2M1, Mode.POSIT4_1, Mode.POSIT8_0, Mode.POSIT16_1)
"""Modes whose formats share one shifter."""


def encode_any(m: Module, modes: tuple[Mode, ...], number: Number, out: Value, name: str) -> Value:
    """Return the 16-bit code of a number in the format of the mode ``out``, one of ``modes``; zeros above it."""
    code = Signal(16, name=name)
    chosen = {mode: Signal(name=f"{name}_is_{mode.label}") for mode in modes}
    m.d.comb += [signal.eq(out == mode) for mode, signal in chosen.items()]
    shared = [(mode.format, chosen[mode]) for mode in modes if mode in STRINGS]
    codes: list[Value] = []
    if shared:
        word = encode_string(m, shared, number, f"{name}_string")
        here = _any_of([signal for _, signal in shared]) if len(shared) < len(modes) else Const(1, 1)
        codes.append(word & here.replicate(16))
    for mode in modes:
        if mode not in STRINGS:
            own = encode(m, mode.format, number, f"{name}_{mode.label}")
            codes.append(own & chosen[mode].replicate(len(own)))
    m.d.comb += code.eq(_any_of(codes))
    return code


def _any_of(values: list[Value]) -> Value:
    total: Value = Const(0, 1)
    for value in values:
        total = total | value
    return total
