"""Shifts a number to its place in a wide fixed-point word."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, Value

from tilewright.hw.arith.shifter import shift_left


def fine_shift(m: Module, value: Value, distance: Value, fine_bits: int, name: str) -> Value:
    """Return a signed value shifted left by the low ``fine_bits`` bits of the distance, in full width."""
    extended = Cat(value, value[-1].replicate((1 << fine_bits) - 1))
    return shift_left(m, extended, distance[:fine_bits], name).as_signed()


@dataclass(frozen=True)
class Places:
    """Coarse place of a value; places are ``1 << fine_bits`` bits apart."""

    here: Value
    """One bit for each place: the value goes to this place."""
    signs: Value
    """One bit for each place: the value is negative and goes to this place or to a lower one."""


def coarse_places(m: Module, distance: Value, fine_bits: int, sign: Value, name: str, *, when: Value) -> Places:
    """Return the place of a value of some sign that is shifted by a distance; the value has no place unless ``when`` is
    set."""
    coarse = distance[fine_bits:]
    here = Signal(1 << len(coarse), name=f"{name}_here")
    signs = Signal(len(here), name=f"{name}_signs")
    m.d.comb += here.eq(when << coarse)
    for place in range(len(here)):
        # At the last place or below, it is anywhere.
        here_or_below = when if place == len(here) - 1 else when & (coarse <= place)
        m.d.comb += signs[place].eq(sign & here_or_below)
    return Places(here, signs)


def coarse_place(m: Module, value: Value, places: Places, fine_bits: int, width: int, start: int, name: str) -> Value:
    """Return ``(value << (place << fine_bits)) >> start``, ``value`` signed, in ``width`` bits; 0 if it has no place.

    Every bit of the word selects among the few places from which the value reaches it; beyond, it is the sign.
    """
    word = Signal(width, name=name)
    for bit in range(width):
        terms = []
        above = -1
        for place in range(len(places.here)):
            index = bit + start - (place << fine_bits)
            if index >= len(value) - 1:
                above = place
            elif index >= 0:
                terms.append(places.here[place] & value[index])
        if above >= 0:
            terms.append(places.signs[above])
        m.d.comb += word[bit].eq(Cat(*terms).any() if terms else 0)
    return word
