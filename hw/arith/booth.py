"""Multiplication of signed numbers with radix-4 Booth recoding."""

from typing import Literal

from amaranth.hdl import Cat, Const, Module, Signal, Value

from tilewright.hw.arith.carry_save import Heap, pair, reduce

Style = Literal["rows", "tree"]
"""Way in which partial products are added. ``rows`` adds them one after the other: fewest LUTs, since a digit's choice
of multiple fits into the LUT of its adder. ``tree`` adds them in a Dadda tree: the shorter path, and the smaller area
in cells."""


def recode(low: Value, middle: Value, high: Value) -> tuple[Value, Value]:
    """Return whether a digit, made of two bits and the bit below them, is 1 or -1, and whether it is 2 or -2."""
    return middle ^ low, (high & ~middle & ~low) | (~high & middle & low)


def booth_rows(m: Module, a: Value, b: Value, name: str) -> list[tuple[Value, Value]]:
    """Return, for each pair of bits of ``b``, the multiple of ``a``, inverted if it is negative, and whether it is
    negative.

    A. D. Booth, "A signed binary multiplication technique", 1951; radix 4 after O. L. MacSorley, 1961. Row ``r`` has
    ``len(a) + 1`` bits, is signed, weighs ``4 ** r`` and lacks a 1 in its last place where it is negative.
    """
    rows = []
    extended = Cat(Const(0, 1), a, a[-1])  # twice a, once a
    for row in range((len(b) + 1) // 2):
        low, middle, high = (b[min(i, len(b) - 1)] if i >= 0 else Const(0, 1) for i in range(2 * row - 1, 2 * row + 2))
        once, twice = Signal(name=f"{name}_once{row}"), Signal(name=f"{name}_twice{row}")
        multiple = Signal(len(a) + 1, name=f"{name}_row{row}")
        is_one, is_two = recode(low, middle, high)
        m.d.comb += [
            once.eq(is_one),
            twice.eq(is_two),
            multiple.eq(
                ((extended[1:] & once.replicate(len(multiple))) | (extended[:-1] & twice.replicate(len(multiple))))
                ^ high.replicate(len(multiple))
            ),
        ]
        rows.append((multiple, high))
    return rows


def multiply(m: Module, a: Value, b: Value, name: str, *, style: Style = "tree") -> Value:
    """Return the product of two signed values, signed, of ``len(a) + len(b)`` bits."""
    rows = booth_rows(m, a, b, name)
    width = len(a) + len(b)
    product = _add_rows(m, rows, width, name) if style == "rows" else _add_tree(m, rows, width, name)
    return product.as_signed()


def _add_rows(m: Module, rows: list[tuple[Value, Value]], width: int, name: str) -> Value:
    """Add one row after the other; the two lowest bits of a sum are final when the next row is added."""
    (total, negative), *rest = rows
    total = total.as_signed()
    low: list[Value] = []
    for index, (row, next_negative) in enumerate(rest):
        # The missing 1 of the row before finds a free place below this row.
        addend = Cat(negative, Const(0, 1), row).as_signed()
        added = Signal(Value.cast(total + addend).shape(), name=f"{name}_sum{index}")
        m.d.comb += added.eq(total + addend)
        low.append(added[:2])
        total, negative = added[2:].as_signed(), next_negative
    last = Signal(width - 2 * len(low), name=f"{name}_last")
    m.d.comb += last.eq(total + negative)
    return Cat(*low, last)


def _add_tree(m: Module, rows: list[tuple[Value, Value]], width: int, name: str) -> Value:
    """Add all rows in one tree."""
    heap: Heap = [[] for _ in range(width)]
    # Instead of extending its sign, a row's sign bit is inverted and its weight taken off in one constant.
    constant = 0
    for index, (row, negative) in enumerate(rows):
        place = 2 * index
        for bit in range(len(row)):
            if place + bit < width:
                heap[place + bit].append(row[bit] if bit < len(row) - 1 else ~row[bit])
        heap[place].append(negative)
        constant -= 1 << (place + len(row) - 1)
    for place in range(width):
        if constant >> place & 1:
            heap[place].append(Const(1, 1))
    first, second = pair(reduce(m, heap, name))
    product = Signal(width, name=f"{name}_product")
    m.d.comb += product.eq(first + second)
    return product
