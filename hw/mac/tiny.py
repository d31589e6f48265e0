"""Lanes of 4 bits: numbers of two bits of significand and a shift."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal, Value

from tilewright.hw.mac.plan import TINY_LANE_BITS, Plan
from tilewright.hw.mac.select import any_of, gated
from tilewright.sim.formats import Mode

POSIT_SHIFTS = {1: 0, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}
"""Power of two, times 16, of each code of a posit4_1 magnitude; every non-zero posit4_1 is a power of two."""


def decode_tiny(
    m: Module, plan: Plan, code: Value, chosen: Mapping[Mode, Value], name: str, *, gating: bool
) -> tuple[Value, Value]:
    """Return four lanes, and whether one is NaR: all 0 if none of ``plan.tiny`` is chosen.

    A lane is ``{negative, shift, significand}``, of 1, 4 and 2 bits; ``abs(value) == significand * 2 ** (shift - 4)``.
    With ``gating`` the decoders of either format get a code of 0 in all other modes, and stand still.
    """
    codes = {which: Signal(16, name=f"{name}_{which.label}_code") for which in plan.tiny}
    for which, own in codes.items():
        m.d.comb += own.eq(gated(code, chosen[which]) if gating else code)
    lanes, nans = [], []
    for lane in range(4):
        parts: list[list[Value]] = [[], [], []]
        for which in plan.tiny:
            own = codes[which].word_select(lane, 4)
            decode = _decode_fp4 if which is Mode.FP4_E2M1 else _decode_posit
            significand, shift, nan = decode(m, own, f"{name}_{which.label}{lane}")
            # Of fields a code of 0 leaves the shift.
            known = [significand, gated(shift, chosen[which]), own[3]]
            if not gating:
                known, nan = (
                    [gated(value, chosen[which]) for value in (significand, shift, own[3])],
                    nan & chosen[which],
                )
            for field, value in zip(parts, known, strict=True):
                field.append(value)
            nans.append(nan)
        lanes.append(Cat(any_of(field) for field in parts))
        assert len(lanes[-1]) == TINY_LANE_BITS
    return Cat(*lanes), Cat(nans).any()


def _decode_fp4(m: Module, code: Value, name: str) -> tuple[Value, Value, Value]:
    """Return significand and shift of an fp4_e2m1, which is never NaR."""
    significand, shift = Signal(2, name=f"{name}_significand"), Signal(4, name=f"{name}_shift")
    with m.Switch(code[:3]):
        for value in range(8):
            mantissa, exponent = value & 1, value >> 1
            with m.Case(value):
                # Half of the significand's last bit, so one less of shift.
                m.d.comb += [significand.eq(mantissa | (2 if exponent else 0)), shift.eq(max(exponent, 1) - 1 + 3)]
    return significand, shift, Const(0, 1)


def _decode_posit(m: Module, code: Value, name: str) -> tuple[Value, Value, Value]:
    """Return significand and shift of a posit4_1, and whether it is NaR."""
    significand, shift = Signal(2, name=f"{name}_significand"), Signal(4, name=f"{name}_shift")
    with m.Switch(code):
        for value in range(16):
            magnitude = value if value < 8 else 16 - value
            with m.Case(value):
                m.d.comb += [
                    significand.eq(0 if magnitude in (0, 8) else 1), shift.eq(POSIT_SHIFTS.get(magnitude, 0)),
                ]  # fmt: skip
    return significand, shift, code == 8


def tiny_products(m: Module, a: Value, b: Value, chosen: Value, *, gating: bool) -> list[tuple[int, Value]]:
    """Return the bits of four products' sum with their weights, of which ``4 << 17`` is to be taken off.

    A product is ``significand << shift``, of up to 2 ** 16. A negative one is inverted and lacks a 1; its sign weighs
    -2 ** 17, and is inverted, too. Without ``chosen`` all bits are 0. With ``gating`` a product of 0 is not negative,
    and without ``chosen`` nothing changes.
    """
    bits: list[tuple[int, Value]] = []
    if gating:
        a, b = gated(a, chosen), gated(b, chosen)
    for lane in range(4):
        (a_significand, a_shift, a_sign), (b_significand, b_shift, b_sign) = (
            (part[:2], part[2:6], part[6]) for part in (side.word_select(lane, TINY_LANE_BITS) for side in (a, b))
        )
        product, shift = Signal(4, name=f"tiny{lane}_product"), Signal(5, name=f"tiny{lane}_shift")
        negative = Signal(name=f"tiny{lane}_negative")
        m.d.comb += [
            product.eq((a_significand if gating else gated(a_significand, chosen)) * b_significand),
            shift.eq(a_shift + b_shift),
            negative.eq((a_sign ^ b_sign) & (product.any() if gating else chosen)),
        ]
        shifted = _shifted(m, product, shift, f"tiny{lane}_shifted")
        bits += [(weight, bit ^ negative) for weight, bit in enumerate(shifted)]
        bits += [(0, negative), (17, ~negative & chosen)]
    return bits


def _shifted(m: Module, product: Value, shift: Value, name: str) -> list[Value]:
    """Return the 17 bits of a product shifted by 0 to 16, without those that never come up.

    Products of posit4_1 have one bit, so that only those of fp4_e2m1, shifted by 6 to 10, reach into the next place of
    four. No two shifts of posit4_1 add up to 1 or 15.
    """
    fine = Signal(7, name=f"{name}_fine")
    places = Signal(5, name=f"{name}_places")
    m.d.comb += [fine.eq(product << shift[:2]), places.eq(Cat((shift[2:] == place for place in range(4)), shift[4]))]
    bits = []
    for bit in range(17):
        place, offset = divmod(bit, 4)
        reached = [(place, offset)] + ([(place - 1, offset + 4)] if place in (2, 3) and offset < 3 else [])
        bits.append(any_of(fine[index] & places[at] for at, index in reached) if bit not in (1, 15) else Const(0, 1))
    return bits
