"""Puts a number where it belongs in a wide fixed-point word."""

from amaranth.hdl import Cat, Const, Module, Signal, Value

from tilewright.hw.arith.shifter import shift_left


def fine_shift(m: Module, value: Value, distance: Value, fine_bits: int, name: str) -> Value:
    """Return a signed value shifted left by the low ``fine_bits`` bits of the distance, in full width."""
    extended = Cat(value, value[-1].replicate((1 << fine_bits) - 1))
    return shift_left(m, extended, distance[:fine_bits], name).as_signed()


def coarse_place(
    m: Module, value: Value, distance: Value, fine_bits: int, width: int, start: int, name: str, *, when: Value
) -> Value:
    """Return ``(value << (distance >> fine_bits << fine_bits)) >> start``, ``value`` signed, in ``width`` bits.

    Every bit of the word selects among the few distances at which the value reaches it; beyond, it is the sign.
    Without ``when`` the word is 0.
    """
    step = 1 << fine_bits
    coarse = distance[fine_bits:]
    places = range(1 << len(coarse))
    at = Signal(len(places), name=f"{name}_at")
    signs = Signal(len(places), name=f"{name}_signs")
    m.d.comb += at.eq(when << coarse)
    sign = value[-1]
    for place in places:
        # The sign, if the value lies at this place or below.
        m.d.comb += signs[place].eq(sign & at[: place + 1].any())
    word = Signal(width, name=name)
    for bit in range(width):
        terms = []
        above = -1
        for place in places:
            index = bit + start - step * place
            if index >= len(value) - 1:
                above = place
            elif index >= 0:
                terms.append(at[place] & value[index])
        if above >= 0:
            terms.append(signs[above])
        m.d.comb += word[bit].eq(Cat(*terms).any() if terms else 0)
    return word
