"""Shifts products to their places: one product over all bits, or two lanes that are then added."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.shifter import shift_left
from tilewright.hw.mac.plan import FINE_BITS, Plan
from tilewright.hw.mac.select import gated


def shift_product(m: Module, product: Value, distance: Value, name: str) -> Value:
    """Return a signed product shifted left by ``distance``, in full width."""
    extended = Cat(product, product[-1].replicate((1 << FINE_BITS) - 1))
    return shift_left(m, extended, distance, name)


def shift_lanes(
    m: Module,
    plan: Plan,
    product: Value,
    half: Value,
    distances: list[Value],
    coarse: list[Value],
    name: str,
    *,
    gating: bool,
) -> tuple[Value, Value]:
    """Shift one product or two; the shifter of the whole word also shifts the lanes.

    Parameters
    ----------
    product : Value
        Signed, or two signed lanes of ``2 * plan.half_bits``; a negative first lane has taken 1 from the second.
    half : Value
        There are two lanes.
    distances : list of Value
        For either part of the product; the same, if it is one.
    coarse : list of Value
        For either lane, what it is shifted further, in units of ``1 << FINE_BITS`` bits.
    gating : bool
        Whether what is only for two lanes stands still without ``half``, so that ``total`` is 0.

    Returns
    -------
    whole : Value
        The product, shifted, if it is one.
    total : Value
        The sum of the lanes in units of ``2 ** plan.half_lsb``, if there are two.
    """
    border = 2 * plan.half_bits
    low, high = product[:border], product[border:]
    # Ones come in below what lacks a 1, and one more is added: together they are the 1.
    borrowed = product[border - 1] & half if gating else product[border - 1]
    for bit in range(FINE_BITS):
        step = 1 << bit
        low_next, high_next = (
            Signal(len(part) + step, name=f"{name}_{what}{bit}") for what, part in (("low", low), ("high", high))
        )
        crossing = Mux(half, borrowed.replicate(step), low[border - step : border])
        low_distance, high_distance = (distance[bit] for distance in distances)
        m.d.comb += [
            low_next.eq(Mux(low_distance, Cat(Const(0, step), low), Cat(low, low[-1].replicate(step)))),
            high_next.eq(Mux(high_distance, Cat(crossing, high), Cat(high, high[-1].replicate(step)))),
        ]
        low, high = low_next, high_next
    whole = Cat(low[:border], high)
    lanes = []
    for lane, (value, further) in enumerate(zip((low, high), coarse, strict=True)):
        fill = borrowed if lane else Const(0, 1)
        own = gated(value, half) if gating else value
        lanes.append(_place(m, plan, own, further, fill, f"{name}_lane{lane}"))
    total = Signal(plan.half_product_bits + 1, name=f"{name}_total")
    m.d.comb += total.eq(lanes[0].as_signed() + lanes[1].as_signed() + borrowed)
    return whole, total


def _place(m: Module, plan: Plan, value: Value, further: Value, fill: Value, name: str) -> Value:
    """Return a lane in its place, without the bits below ``half_lsb``, which are 0."""
    width = plan.half_product_bits
    longest = width + plan.half_drop
    for bit in range(len(further)):
        step = 1 << FINE_BITS + bit
        moved = Cat(fill.replicate(step), value)
        length = min(longest, len(moved))
        kept = Cat(value, value[-1].replicate(max(length - len(value), 0)))
        shifted = Signal(length, name=f"{name}_{bit}")
        m.d.comb += shifted.eq(Mux(further[bit], moved[:length], kept[:length]))
        value = shifted
    value = Cat(value, value[-1].replicate(max(longest - len(value), 0)))
    return value[plan.half_drop : longest]
