"""Pipeline registers of the gateware."""

from amaranth.hdl import Module, Signal, Value, ValueLike


def delay(m: Module, value: ValueLike, name: str, *, cycles: int = 1, reset_less: bool = False) -> Value:
    """Return ``value`` some cycles later, sign included; ``reset_less`` is for data that a flag qualifies."""
    value = Value.cast(value)
    for cycle in range(1, cycles + 1):
        register = Signal(value.shape(), name=f"{name}_{cycle}" if cycles > 1 else name, reset_less=reset_less)
        m.d.sync += register.eq(value)
        value = register
    return value
