"""Reduction of many bits to a carry-save pair, for a whole row of columns at a time.

A *heap* holds, for each binary weight, the bits still to be added. Each "bit" is a vector with one bit per
column, so that one full adder in the text is one full adder in every column: the hardware is one Dadda tree
per column, and the Verilog stays small enough to simulate quickly.
"""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal, Value

Heap = list[list[Value]]
"""Bits to be added, by weight: ``heap[k]`` contains the column vectors of weight ``2 ** k``."""

DADDA_START = 2


def dadda_target(height: int) -> int:
    """Return the largest height of Dadda's sequence 2, 3, 4, 6, 9, ... below ``height`` (at least 2)."""
    target = DADDA_START
    while (larger := target * 3 // 2) < height:
        target = larger
    return target


def height(heap: Heap) -> int:
    """Return the largest number of bits that one weight has."""
    return max(len(bits) for bits in heap)


def reduce_level(m: Module, heap: Heap, target: int, name: str, *, passes: Mapping[int, Value] | None = None) -> Heap:
    """Reduce every weight of ``heap`` to at most ``target`` bits with one level of full and half adders.

    Carries out of the last weight are dropped: arithmetic is modulo ``2 ** len(heap)``. ``passes`` says for some
    weights whether carries go into them, so that one heap can hold several sums side by side.

    L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965.
    """
    reduced: Heap = [[] for _ in range(len(heap) + 1)]
    for weight, bits in enumerate(heap):
        rest = list(bits)
        # Carries from the weight below are already in reduced[weight].
        while (excess := len(rest) + len(reduced[weight]) - target) > 0:
            terms = [rest.pop(0) for _ in range(3 if excess > 1 else 2)]  # a full adder removes two bits
            index = len(reduced[weight])
            total = Signal(len(terms[0]), name=f"{name}_s{weight}_{index}")
            carry = Signal(len(terms[0]), name=f"{name}_c{weight}_{index}")
            if len(terms) == 3:
                a, b, c = terms
                half = Signal(len(a), name=f"{name}_h{weight}_{index}")
                m.d.comb += [
                    half.eq(a ^ b),
                    total.eq(half ^ c),
                    carry.eq((a & b) | (half & c)),
                ]
            else:
                a, b = terms
                m.d.comb += [total.eq(a ^ b), carry.eq(a & b)]
            reduced[weight].append(total)
            into = (passes or {}).get(weight + 1)
            reduced[weight + 1].append(carry if into is None else carry & into)
        reduced[weight] += rest
    return reduced[: len(heap)]


def reduce(m: Module, heap: Heap, name: str, *, passes: Mapping[int, Value] | None = None) -> Heap:
    """Reduce every weight of ``heap`` to at most two bits, with the fewest levels."""
    level = 0
    while height(heap) > 2:
        heap = reduce_level(m, heap, dadda_target(height(heap)), f"{name}_level{level}", passes=passes)
        level += 1
    return heap


def pair(heap: Heap) -> tuple[Value, Value]:
    """Return the two words that a reduced heap of single bits stands for."""
    first, second = (Cat(bits[i] if i < len(bits) else Const(0, 1) for bits in heap) for i in range(2))
    return first, second
