"""Carries found by parallel prefix, for short paths."""

from amaranth.hdl import Cat, Module, Signal, Value


def all_below(m: Module, value: Value, name: str) -> list[Value]:
    """Return for each bit whether it and all bits below it are ones.

    J. Sklansky, "Conditional-sum addition logic", 1960: the depth is logarithmic.
    """
    ones: list[Value] = list(value)
    step = 1
    while step < len(value):
        level = Signal(len(value), name=f"{name}_ones{step}")
        for i in range(len(value)):
            # In the upper half of each block of 2 * step: together with the whole lower half.
            below = i // step * step - 1
            m.d.comb += level[i].eq(ones[i] & ones[below] if i // step % 2 else ones[i])
        ones = list(level)
        step *= 2
    return ones


def increment(m: Module, value: Value, carry: Value, name: str) -> Value:
    """Return ``value + carry`` in the width of ``value``."""
    ones = all_below(m, value, name)
    result = Signal(len(value), name=name)
    m.d.comb += result.eq(value ^ Cat(carry, (carry & bit for bit in ones[:-1])))
    return result
