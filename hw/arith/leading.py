"""Counting of leading bits."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value


def count_leading_zeros(m: Module, value: Value, name: str) -> Signal:
    """Return the number of zeros above the highest one of ``value``, from 0 to its width.

    Halves are counted side by side and joined, so that the depth is logarithmic in the width.
    """
    width = len(value)
    # Ones below the lowest bit: they stop the count at the width of the value.
    padding = (1 << width.bit_length()) - width
    bits = Cat(Const(-1, padding), value)

    def count(bits: Value) -> tuple[Value, list[Value]]:
        """Return whether there is no one, and the count in binary if there is."""
        if len(bits) == 1:
            return ~bits[0], []
        half = len(bits) // 2
        (low_empty, low), (high_empty, high) = count(bits[:half]), count(bits[half:])
        return high_empty & low_empty, [*(Mux(high_empty, a, b) for a, b in zip(low, high, strict=True)), high_empty]

    zeros = Signal(range(width + 1), name=name)
    m.d.comb += zeros.eq(Cat(*count(bits)[1]))
    return zeros
