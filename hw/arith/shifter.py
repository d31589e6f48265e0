"""Barrel shifters: one layer of multiplexers for each bit of the distance."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike


def shift_left(m: Module, value: Value, distance: Value, name: str) -> Value:
    """Return ``value << distance`` in the width of ``value``; the new bits are zeros."""
    width = len(value)
    for bit in range(len(distance)):
        shifted = Signal(width, name=f"{name}_{bit}")
        m.d.comb += shifted.eq(Mux(distance[bit], Cat(Const(0, min(1 << bit, width)), value), value))
        value = shifted
    return value


def shift_left_one_hot(m: Module, value: Value, distance: Value, name: str) -> Value:
    """Return ``value << k`` in the width of ``value``, where ``k`` is the index of the only one in ``distance``."""
    shifted = Signal(len(value), name=name)
    for bit in range(len(value)):
        terms = [distance[k] & value[bit - k] for k in range(min(bit + 1, len(distance)))]
        m.d.comb += shifted[bit].eq(Cat(*terms).any())
    return shifted


def shift_right_sticky(
    m: Module, value: Value, distance: Value, name: str, *, fill: ValueLike = 0, sticky: ValueLike = 0
) -> tuple[Value, Value]:
    """Return ``value >> distance`` in the width of ``value``, and whether a one was lost or ``sticky`` was set.

    Copies of the bit ``fill`` come in.
    """
    width = len(value)
    fill, sticky = Value.cast(fill), Value.cast(sticky)
    for bit in range(len(distance)):
        step = min(1 << bit, width)
        shifted, lost = Signal(width, name=f"{name}_{bit}"), Signal(name=f"{name}_lost{bit}")
        m.d.comb += [
            shifted.eq(Mux(distance[bit], Cat(value[step:], fill.replicate(step)), value)),
            lost.eq(sticky | (distance[bit] & value[:step].any())),
        ]
        value, sticky = shifted, lost
    return value, sticky
