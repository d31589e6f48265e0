"""Reads sums of the SIMD MAC out, rounded to any mode's format."""


from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.codec import encode
from tilewright.hw.arith.normalise import highest_chunk, normalise_window
from tilewright.hw.arith.number import Number
from tilewright.hw.arith.segments import add_carries, look_ahead
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac.core import Sum
from tilewright.hw.mac.plan import BF16_SUM_LSB, SEGMENT_BITS, Plan
from tilewright.sim.formats import Mode

CUTS = ("resolved", "window", "normal")
"""Places for registers."""


def normalise_sum(
    m: Module, pipe: Pipeline, modes: tuple[Mode, ...], result: Sum, *beside: Value, keep: int | None = None
) -> tuple[Number, list[Value]]:
    """Return a raw sum as a number, and the values ``beside`` when it is there. Places for registers: ``CUTS``.

    Parameters
    ----------
    keep : int, optional
        Bits of fraction, at least; what is below is sticky. Default: what rounding to any mode's format needs.
    """
    plan = Plan(modes)
    if keep is None:
        keep = max(mode.format.significand_bits for mode in modes) + 1
    later = list(beside)
    special = [part if len(part) else Const(0, 1) for part in (result.nan, result.plus, result.minus, result.is_bf16)]
    resolved, special, later = pipe.cut("resolved", look_ahead(m, result.segments, "total"), special, later)
    value = add_carries(m, resolved, "total")
    sign = value[-1]
    chunk, window, sticky, zero = highest_chunk(m, value, SEGMENT_BITS, keep, "wide")
    chunk, window, sticky, zero, sign, special, later = pipe.cut(
        "window", chunk, window, sticky, zero, sign, special, later
    )
    run, fraction = normalise_window(m, window, sign, SEGMENT_BITS, "window")
    nan, plus, minus, is_bf16 = special
    top = plan.lsb + plan.width - 2
    no_number, infinite, finite_sign = Signal(), Signal(), Signal()
    shape = Value.cast(top - Cat(run, chunk)).shape()
    scale = Signal(shape.width + 1).as_signed()
    bf16_top = BF16_SUM_LSB + plan.width - 2
    m.d.comb += [
        no_number.eq(nan | (plus & minus)),
        infinite.eq(plus | minus),
        scale.eq(Mux(is_bf16, bf16_top, top) - Cat(run, chunk)),
        finite_sign.eq(((sign & ~plus) | minus)),
    ]
    finite = ~(zero | no_number | infinite)
    number = Number(
        finite_sign,
        scale,
        fraction & finite.replicate(len(fraction)),
        sticky & finite,
        zero & ~infinite & ~no_number,
        no_number,
        infinite & ~no_number,
    )
    return pipe.cut("normal", number, later)


def encode_any(m: Module, modes: tuple[Mode, ...], number: Number, out: Value, name: str) -> Value:
    """Return the 16-bit code of a number in the format of the mode ``out``, one of ``modes``; zeros above it."""
    code = Signal(16, name=name)
    with m.Switch(out):
        for mode in modes:
            with m.Case(mode):
                m.d.comb += code.eq(encode(m, mode.format, number, f"{name}_{mode.label}"))
    return code
