"""Lanes of 4 bits: numbers of two bits of significand and a shift."""

from amaranth.hdl import Cat, Const, Module, Signal, Value

from tilewright.hw.mac.plan import TINY_LANE_BITS, Plan
from tilewright.hw.mac.select import any_of, is_one_of
from tilewright.sim.formats import Mode

POSIT_SHIFTS = {1: 0, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}
"""Power of two, times 16, of each code of a posit4_1 magnitude; every non-zero posit4_1 is a power of two."""


def decode_tiny(m: Module, plan: Plan, code: Value, mode: Value, name: str) -> tuple[Value, Value]:
    """Return four lanes, and whether one is NaR: all 0 if the mode is not one of ``plan.tiny``.

    A lane is ``{negative, shift, significand}``, of 1, 4 and 2 bits; ``abs(value) == significand * 2 ** (shift - 4)``.
    """
    is_fp4, is_posit = Signal(name=f"{name}_is_fp4_e2m1"), Signal(name=f"{name}_is_posit4_1")
    m.d.comb += [
        is_fp4.eq(is_one_of(mode, [Mode.FP4_E2M1], plan.modes)),
        is_posit.eq(is_one_of(mode, [Mode.POSIT4_1], plan.modes)),
    ]
    lanes, nans = [], []
    for lane in range(4):
        own = code.word_select(lane, 4)
        significand, shift = Signal(2, name=f"{name}_tiny{lane}"), Signal(4, name=f"{name}_tiny_shift{lane}")
        nan = Signal(name=f"{name}_tiny_nan{lane}")
        with m.If(is_fp4), m.Switch(own):
            for value in range(16):
                mantissa, exponent = value & 1, value >> 1 & 3
                with m.Case(value):
                    # Half of the significand's last bit, so one less of shift.
                    m.d.comb += [
                        significand.eq(mantissa | (2 if exponent else 0)),
                        shift.eq(max(exponent, 1) - 1 + 3),
                    ]
        with m.Elif(is_posit), m.Switch(own):
            for value in range(16):
                magnitude = value if value < 8 else 16 - value
                with m.Case(value):
                    m.d.comb += [
                        significand.eq(0 if magnitude in (0, 8) else 1),
                        shift.eq(POSIT_SHIFTS.get(magnitude, 0)),
                        nan.eq(value == 8),
                    ]
        lanes.append(Cat(significand, shift, own[3] & (is_fp4 | is_posit)))
        assert len(lanes[-1]) == TINY_LANE_BITS
        nans.append(nan)
    return Cat(*lanes), Cat(nans).any()


def tiny_products(m: Module, a: Value, b: Value, chosen: Value, *, gating: bool) -> list[tuple[int, Value]]:
    """Return the bits of four products' sum with their weights, of which ``4 << 17`` is to be taken off.

    A product is ``significand << shift``, of up to 2 ** 16. A negative one is inverted and lacks a 1; its sign weighs
    -2 ** 17, and is inverted, too. Without ``chosen`` all bits are 0. With ``gating`` a product of 0 is not negative.
    """
    bits: list[tuple[int, Value]] = []
    for lane in range(4):
        (a_significand, a_shift, a_sign), (b_significand, b_shift, b_sign) = (
            (part[:2], part[2:6], part[6]) for part in (side.word_select(lane, TINY_LANE_BITS) for side in (a, b))
        )
        product, shift = Signal(4, name=f"tiny{lane}_product"), Signal(5, name=f"tiny{lane}_shift")
        negative = Signal(name=f"tiny{lane}_negative")
        m.d.comb += [
            product.eq((a_significand & chosen.replicate(2)) * b_significand),
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
