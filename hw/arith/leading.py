"""Counts leading bits."""

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
        """Return whether there is no one, and otherwise the count in binary."""
        if len(bits) == 1:
            return ~bits[0], []
        half = len(bits) // 2
        (low_empty, low), (high_empty, high) = count(bits[:half]), count(bits[half:])
        return high_empty & low_empty, [*(Mux(high_empty, a, b) for a, b in zip(low, high, strict=True)), high_empty]

    zeros = Signal(range(width + 1), name=name)
    m.d.comb += zeros.eq(Cat(*count(bits)[1]))
    return zeros


def leading_one(m: Module, value: Value, name: str) -> Signal:
    """Return a word with a single one: bit ``k`` if ``k`` zeros are above the highest one of ``value``.

    It is one bit wider than the value; the last bit says that there is no one.
    """
    width = len(value)
    first = Signal(width + 1, name=name)
    above: Value = Const(1, 1)
    for zeros in range(width):
        bit = value[width - 1 - zeros]
        m.d.comb += first[zeros].eq(above & bit)
        above = above & ~bit
    m.d.comb += first[width].eq(above)
    return first


def one_hot_to_binary(m: Module, one_hot: Value, name: str) -> Signal:
    """Return the index of the only one in a word."""
    width = len(one_hot)
    number = Signal(range(width), name=name)
    for bit in range(len(number)):
        m.d.comb += number[bit].eq(Cat(one_hot[i] for i in range(width) if i >> bit & 1).any())
    return number
