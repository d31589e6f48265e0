"""The multiplier of the SIMD MAC: one product, two, or four, and the sum of four tiny products."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.booth import recode
from tilewright.hw.arith.carry_save import Heap, pair, reduce
from tilewright.hw.mac.select import any_of


@dataclass(frozen=True)
class Split:
    """One way to cut the operands into lanes."""

    chosen: Value
    lane_bits: int
    """Width of a lane; the first lane begins at bit 0."""
    lanes: int


@dataclass(frozen=True)
class Product:
    """A product whose upper bits must still be selected."""

    low: Value
    carry: Value
    """Carry into the upper bits."""
    without: Value
    """Upper bits if the carry is 0."""
    with_carry: Value

    @property
    def value(self) -> Value:
        """Return all bits of the product."""
        return Cat(self.low, Mux(self.carry, self.with_carry, self.without))


UPPER_BITS = 9
"""Number of bits of a product that are added for either carry: as many as the path to the carry needs."""
_ZERO = -1
"""Index of a bit of ``b`` that is always 0."""


@dataclass(frozen=True)
class _Span:
    """Bits of a row that hold a lane's multiple of ``a``."""

    chosen: Value
    start: int
    """First bit of the span."""
    stop: int
    """Bit of the sign, where the span ends."""
    twice: bool
    """Flag: the whole lane is twice ``a``, so its sign is the lane's last bit; otherwise the sign is a copy of that bit
    above the lane."""
    digit: tuple[int, int, int]
    """Indices of the bits of ``b`` that form the digit, the lowest first."""
    correction: int
    """Weight at which a negative multiple lacks a 1."""


def multiply_lanes(
    m: Module, a: Value, b: Value, splits: list[Split], addends: list[tuple[int, Value]], constant: int, name: str
) -> Product:
    """Return the products of signed lanes, ``sum(a[k] * b[k] << 2 * lane_bits * k)``, of ``2 * len(a)`` bits.

    As the lanes are signed, a negative product takes 1 from the one above it: who cuts the result adds it again.
    Where no split is chosen the result is ``constant`` and the sum of the addends.

    Radix-4 Booth rows and one Dadda tree. A row takes the bits of ``a`` of its own lane only.

    Parameters
    ----------
    a, b : Value
        Operands of the same width. ``b`` is 0 if no split is chosen.
    splits : list of Split
        At most one is chosen.
    addends : list of (weight, bit)
        Bits that are 0 if any split is chosen.
    """
    width = len(a)
    heap: Heap = [[] for _ in range(2 * width)]
    # Which of the heap's bits are 0 if no split is chosen: there is an addend's place.
    free: list[list[int]] = [[] for _ in heap]
    constants, idle = [0 for _ in splits], constant
    for row in range(width // 2):
        groups = [_spans(split, row, width) for split in splits]
        spans = [span for group in groups for span in group]
        digits = _Digits(m, b, len(splits), f"{name}_row{row}")
        for bit in range(min(width + 1, 2 * width - 2 * row)):
            weight = 2 * row + bit
            inside = [span for span in spans if span.start <= bit <= span.stop]
            ends = [span for span in inside if span.stop == bit]
            if not inside:
                continue
            once, twice, negative = digits.lines(inside)
            multiple = ((once & _own(a, bit, inside)) | (twice & _below(a, bit, inside))) ^ negative
            term = Signal(name=f"{name}_row{row}_{bit}")
            # Instead of extending its sign, a row's sign bit is inverted and its weight taken off in one constant.
            if len(ends) == len(inside):
                # It is inverted in any case, and so 1 where nothing is here.
                m.d.comb += term.eq(~multiple)
                idle -= 1 << weight
                constants = [value - (1 << weight) for value in constants]
            else:
                m.d.comb += term.eq(multiple ^ any_of(span.chosen for span in ends))
                constants = [
                    value - (any(span.stop == bit for span in group) << weight)
                    for value, group in zip(constants, groups, strict=True)
                ]
                free[weight].append(len(heap[weight]))
            heap[weight].append(term)
        for weight in sorted({span.correction for span in spans}):
            term = Signal(name=f"{name}_row{row}_negative{weight}")
            m.d.comb += term.eq(digits.lines([span for span in spans if span.correction == weight])[2])
            free[weight].append(len(heap[weight]))
            heap[weight].append(term)
    for weight, addend in addends:
        if free[weight]:
            index = free[weight].pop()
            heap[weight][index] = heap[weight][index] | addend
        else:
            heap[weight].append(addend)
    none = ~any_of(split.chosen for split in splits)
    cases = [*((split.chosen, value) for split, value in zip(splits, constants, strict=True)), (none, idle)]
    for weight, column in enumerate(heap):
        column.append(any_of(chosen for chosen, value in cases if value >> weight & 1))
        if all(value >> weight & 1 for _, value in cases):
            column[-1] = Const(1, 1)
        elif not any(value >> weight & 1 for _, value in cases):
            column.pop()
    one, two = pair(reduce(m, heap, f"{name}_tree"))
    return _add_selected(m, one, two, f"{name}_product")


def _add_selected(m: Module, one: Value, two: Value, name: str) -> Product:
    """Return a sum whose uppermost bits are there for either carry: what comes late is kept out of their addition."""
    cut = len(one) - UPPER_BITS
    low = Signal(cut + 1, name=f"{name}_low")
    without, with_carry = (Signal(UPPER_BITS, name=f"{name}_{what}") for what in ("without", "with"))
    m.d.comb += [
        low.eq(one[:cut] + two[:cut]),
        without.eq(one[cut:] + two[cut:]),
        with_carry.eq(one[cut:] + two[cut:] + 1),
    ]
    return Product(low[:-1], low[-1], without, with_carry)


def _spans(split: Split, row: int, width: int) -> list[_Span]:
    """Return the spans of a row for the lanes of a split."""
    bits = split.lane_bits
    lane = 2 * row // bits
    if lane >= split.lanes:
        return []
    start, stop = lane * bits, (lane + 1) * bits
    low = _ZERO if 2 * row == start else 2 * row - 1
    if 2 * row + 1 < stop:
        return [_Span(split.chosen, start, stop, False, (low, 2 * row, 2 * row + 1), 2 * row + start)]
    # An odd lane ends in the middle of the digit. What is left is -1 times the next lane's lowest bit, half a digit
    # higher: -2 times it.
    spans = [_Span(split.chosen, start, stop, False, (low, 2 * row, 2 * row), 2 * row + start)]
    if lane + 1 < split.lanes:
        digit = _ZERO, _ZERO, 2 * row + 1
        spans.append(_Span(split.chosen, stop + 1, stop + bits, True, digit, 2 * row + stop + 1))
    return spans


class _Digits:
    """Booth digits of a row, each with its own control lines."""

    def __init__(self, m: Module, b: Value, splits: int, name: str):
        self._m, self._b, self._splits, self._name = m, b, splits, name
        self._lines: dict[tuple, tuple[Value, Value, Value]] = {}

    def lines(self, spans: list[_Span]) -> tuple[Value, Value, Value]:
        """Return whether the digit is 1 or -1, whether 2 or -2, and whether negative; 0 if no span is chosen."""
        key = tuple((span.digit, id(span.chosen)) for span in spans)
        if key not in self._lines:
            lines = tuple(
                Signal(name=f"{self._name}_{what}{len(self._lines)}") for what in ("once", "twice", "negative")
            )
            # One digit for all splits is 0 by itself if none is chosen.
            shared = len({span.digit for span in spans}) == 1 and len(spans) == self._splits
            for index, line in enumerate(lines):
                if shared:
                    self._m.d.comb += line.eq(self._recoded(spans[0])[index])
                else:
                    self._m.d.comb += line.eq(any_of(span.chosen & self._recoded(span)[index] for span in spans))
            once, twice, negative = lines
            self._lines[key] = once, twice, negative
        return self._lines[key]

    def _recoded(self, span: _Span) -> tuple[Value, Value, Value]:
        low, middle, high = (Const(0, 1) if place == _ZERO else self._b[place] for place in span.digit)
        return *recode(low, middle, high), high & ~(middle & low)


def _own(a: Value, bit: int, spans: list[_Span]) -> Value:
    """Return the bit of ``a`` that counts once: above a lane its sign."""
    above = [span for span in spans if span.stop == bit]
    if len(above) == len(spans) or bit == len(a):
        return a[bit - 1]
    return Mux(any_of(span.chosen for span in above), a[bit - 1], a[bit]) if above else a[bit]


def _below(a: Value, bit: int, spans: list[_Span]) -> Value:
    """Return the bit of ``a`` that counts twice."""
    starts = [span for span in spans if span.start == bit and not span.twice]
    if len(starts) == len(spans):
        return Const(0, 1)
    return a[bit - 1] & ~any_of(span.chosen for span in starts) if starts else a[bit - 1]
