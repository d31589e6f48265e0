"""Selects the mode that a number names, with as few gates as the available modes need."""

from collections.abc import Collection, Iterable
from functools import reduce
from itertools import combinations
from operator import or_

from amaranth.hdl import Const, Value

from tilewright.sim.formats import Mode

MODE_BITS = 4


def is_one_of(mode: Value, group: Collection[Mode], modes: Collection[Mode]) -> Value:
    """Return whether a mode, one of ``modes``, is in a group of them; only the bits that tell are looked at."""
    group = set(group) & set(modes)
    others = set(modes) - group
    if not group or not others:
        return Const(bool(group), 1)
    for count in range(1, MODE_BITS + 1):
        for places in combinations(range(MODE_BITS), count):
            wanted = {_bits(one, places) for one in group}
            if wanted.isdisjoint(_bits(one, places) for one in others):
                return any_of(_all_of(mode, places, bits) for bits in sorted(wanted))
    raise AssertionError("modes have different numbers")


def _bits(mode: Mode, places: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(mode >> place & 1 for place in places)


def _all_of(mode: Value, places: tuple[int, ...], bits: tuple[int, ...]) -> Value:
    result: Value = Const(1, 1)
    for place, bit in zip(places, bits, strict=True):
        result = result & (mode[place] if bit else ~mode[place])
    return result[0]


def any_of(values: Iterable[Value]) -> Value:
    """Return the bitwise or of values: the one of several that is not 0."""
    return reduce(or_, values, Const(0, 1))


def gated(value: Value, enable: Value) -> Value:
    """Return a value, or zeros unless enabled."""
    return Value.cast(value).as_unsigned() & enable.replicate(len(value))
