"""One decoder for a posit16_1 or two posit8_0."""

from amaranth.hdl import Cat, Module, Signal, Value

from tilewright.hw.arith.leading import count_leading_zeros
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.arith.shifter import shift_left
from tilewright.hw.mac.plan import Plan
from tilewright.hw.mac.select import gated
from tilewright.sim.formats import Posit


def decode_posits(
    m: Module, plan: Plan, code: Value, wide: Value, half: Value, name: str, *, gating: bool
) -> tuple[Value, Value, Value, Value]:
    """Decode one posit16_1 or two posit8_0 to fields ``significand``, ``scale``, ``live`` and ``nan`` of an operand.

    The second posit8_0 of a word is a posit16_1 whose low byte is empty, but for the exponent bit; the first has a
    decoder of its own. With neither ``wide`` nor ``half`` all fields are 0, and with ``gating`` both decoders stand
    still.
    """
    either = Signal(name=f"{name}_posit")
    masked = Signal(16, name=f"{name}_masked")
    above, below = (gated(code[8:], either), gated(code[:8], half)) if gating else (code[8:], code[:8])
    m.d.comb += [either.eq(wide | half), masked.eq(Cat(gated(code[:8], wide), above))]
    sign, first = masked[-1], masked[-2]
    # Count how often the first bit of the regime is repeated, in a posit8_0 up to the end of the byte.
    differs = Signal(14, name=f"{name}_differs")
    m.d.comb += differs.eq((masked[:14] ^ first.replicate(14)) | (half << 7))
    run = count_leading_zeros(m, differs, f"{name}_run")
    rest = shift_left(m, masked[:13], run, f"{name}_rest")
    low = ~(first ^ sign)
    finite = masked[:15].any() & either
    significand = Signal(plan.significand_bits, name=f"{name}_posit_significand")
    scale = Signal(plan.scale_bits, name=f"{name}_posit_scale")
    lower = decode_posit(m, Posit(8, 0), below, f"{name}_lower")
    head = Cat(~sign & finite, sign & finite)
    width = plan.half_bits
    # A lane may be wider than a posit8_0's significand.
    first_lane = Cat(lower.significand, lower.significand[-1].replicate(width - 7))
    narrow = Cat(first_lane, rest[-5:], head, (sign & finite).replicate(width - 7))
    whole = Cat(rest[:-1], head, (sign & finite).replicate(plan.significand_bits - 14))
    m.d.comb += significand.eq(gated(whole, wide) | gated(narrow, half))
    # The second lane's scale is the posit16_1's without the exponent's bit.
    upper = Cat((rest[-1] ^ sign) & wide, gated(Cat(run ^ low.replicate(len(run)), low), either))
    upper = Cat(upper, upper[-1].replicate(plan.wide_scale_bits - len(upper)))
    first_scale = Cat(lower.scale, lower.scale[-1].replicate(plan.half_scale_bits - len(lower.scale)))
    nan = Signal(name=f"{name}_posit_nan")
    m.d.comb += [
        scale.eq(Cat(upper, gated(first_scale, half))),
        nan.eq((~masked[:15].any() & sign & either) | (lower.nan & half)),
    ]
    live = Cat((finite & wide) | (half & ~lower.zero & ~lower.nan), finite)
    return significand, scale, live, nan
