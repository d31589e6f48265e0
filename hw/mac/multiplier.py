"""The multiplier of the SIMD MAC: one product, two, or four, and the sum of four tiny ones."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from tilewright.hw.arith.booth import recode
from tilewright.hw.arith.carry_save import Heap, pair, reduce


@dataclass(frozen=True)
class Split:
    """A way to cut the operands into lanes."""

    chosen: Value
    lane_bits: int
    """Lanes of this width, the first at bit 0."""
    lanes: int


@dataclass(frozen=True)
class _Span:
    """Bits of a row that are a lane's multiple of ``a``."""

    chosen: Value
    start: int
    """First bit."""
    stop: int
    """Bit of the sign, one above the lane; or the lane's last, if the multiple has no more bits."""
    below: bool
    """Whether the bit below the first belongs to the multiple."""
    digit: tuple[Value, Value, Value]
    """Bits of ``b``, the lowest first."""
    correction: int
    """Weight at which a negative multiple lacks a 1."""


def multiply_lanes(
    m: Module, a: Value, b: Value, splits: list[Split], addends: list[tuple[int, Value]], constant: int, name: str
) -> Value:
    """Return the products of signed lanes, ``sum(a[k] * b[k] << 2 * lane_bits * k)``, of ``2 * len(a)`` bits.

    As the lanes are signed, a negative product takes 1 from the one above it: who cuts the result adds it again.
    Where no split is chosen the result is ``constant`` and the sum of the addends.

    Radix-4 Booth rows and one Dadda tree. A row takes the bits of ``a`` of its own lane only.

    Parameters
    ----------
    a, b : Value
        Of the same even width.
    splits : list of Split
        At most one is chosen.
    addends : list of (weight, bit)
        Bits that are 0 if any split is chosen.
    """
    width = len(a)
    heap: Heap = [[] for _ in range(2 * width)]
    # Which of the heap's bits are 0 if no split is chosen: an addend's place is there.
    free: list[list[int]] = [[] for _ in heap]
    constants = [0 for _ in splits]
    idle = -constant
    for row in range(width // 2):
        spans = [_spans(split, row, width, b) for split in splits]
        cache: dict = {}
        for bit in range(width + 1):
            weight = 2 * row + bit
            inside: list[_Span] = [
                span for group in spans for span in group if span.start <= bit <= span.stop
            ]
            if not inside or weight >= 2 * width:
                continue
            once, twice, negative = _digit(m, inside, f"{name}_row{row}", cache)
            multiple = (once & _own(a, bit, inside)) | (twice & _below(a, bit, inside))
            ends = [span for span in inside if span.stop == bit]
            term = Signal(name=f"{name}_row{row}_{bit}")
            always = len(ends) == len(inside)
            if always:
                # Inverted in any case, so that it is 1 where nothing is here.
                m.d.comb += term.eq(~(multiple ^ negative))
                idle += 1 << weight
                for index, group in enumerate(spans):
                    constants[index] -= 1 << weight
            else:
                m.d.comb += term.eq(multiple ^ negative ^ Cat(span.chosen for span in ends).any())
                for index, group in enumerate(spans):
                    if any(span.stop == bit for span in group):
                        constants[index] -= 1 << weight
                free[weight].append(len(heap[weight]))
            heap[weight].append(term)
        for weight in sorted({span.correction for group in spans for span in group}):
            bits = [span.chosen & _negative(span.digit) for group in spans for span in group if span.correction == weight]
            term = Signal(name=f"{name}_row{row}_negative{weight}")
            m.d.comb += term.eq(Cat(bits).any())
            free[weight].append(len(heap[weight]))
            heap[weight].append(term)
    for weight, bit in addends:
        if free[weight]:
            index = free[weight].pop()
            heap[weight][index] = heap[weight][index] | bit
        else:
            heap[weight].append(bit)
    none = ~Cat(split.chosen for split in splits).any() if splits else Const(1, 1)
    cases = [(split.chosen, constant) for split, constant in zip(splits, constants, strict=True)] + [(none, -idle)]
    for weight, column in enumerate(heap):
        terms = [chosen for chosen, constant in cases if constant >> weight & 1]
        if len(terms) == len(cases):
            column.append(Const(1, 1))
        elif terms:
            column.append(Cat(*terms).any())
    one, two = pair(reduce(m, heap, f"{name}_tree"))
    product = Signal(2 * width, name=f"{name}_product")
    m.d.comb += product.eq(one + two)
    return product


def _negative(digit: tuple[Value, Value, Value]) -> Value:
    low, middle, high = digit
    return high & ~(middle & low)


def _spans(split: Split, row: int, width: int, b: Value) -> list[_Span]:
    """Return what a row does for the lanes of a split."""
    bits = split.lane_bits
    low = b[2 * row - 1] if row else Const(0, 1)
    middle, high = b[2 * row], b[2 * row + 1]
    lane = 2 * row // bits
    if lane >= split.lanes:
        return []
    start, stop = lane * bits, (lane + 1) * bits
    if 2 * row == start:
        low = Const(0, 1)
    if 2 * row + 1 < stop:
        return [_Span(split.chosen, start, stop, False, (low, middle, high), 2 * row + start)]
    # An odd lane ends with its sign in the middle of the digit; what is left is -1 times the next lane's lowest bit.
    # That is -2 times it, half of a digit lower.
    spans = [_Span(split.chosen, start, stop, False, (low, middle, middle), 2 * row + start)]
    if lane + 1 < split.lanes:
        zero = Const(0, 1)
        spans.append(
            _Span(split.chosen, stop + 1, min(stop + bits, width), True, (zero, zero, high), 2 * row + stop + 1)
        )
    return spans


def _digit(m: Module, spans: list[_Span], name: str, cache: dict) -> tuple[Value, Value, Value]:
    """Return whether a digit is 1 or -1, whether 2 or -2, and whether it is negative; 0 if no span is chosen."""
    key = tuple(id(span) for span in spans)
    if key not in cache:
        once, twice, negative = (Signal(name=f"{name}_{what}{len(cache)}") for what in ("once", "twice", "negative"))
        chosen = [(span.chosen, *recode(*span.digit), _negative(span.digit)) for span in spans]
        m.d.comb += [
            once.eq(Cat(here & is_one for here, is_one, _, _ in chosen).any()),
            twice.eq(Cat(here & is_two for here, _, is_two, _ in chosen).any()),
            negative.eq(Cat(here & below_zero for here, _, _, below_zero in chosen).any()),
        ]
        cache[key] = once, twice, negative
    return cache[key]


def _own(a: Value, bit: int, spans: list[_Span]) -> Value:
    """Return the bit of ``a`` that counts once: above a lane its sign."""
    above = [span for span in spans if span.stop == bit and bit == _lane_end(span)]
    if len(above) == len(spans) or bit == len(a):
        return a[bit - 1]
    if above:
        return Mux(Cat(span.chosen for span in above).any(), a[bit - 1], a[bit])
    return a[bit]


def _lane_end(span: _Span) -> int:
    return span.stop if not span.below else -1


def _below(a: Value, bit: int, spans: list[_Span]) -> Value:
    """Return the bit of ``a`` that counts twice."""
    starts = [span for span in spans if span.start == bit and not span.below]
    if len(starts) == len(spans) or bit == 0:
        return Const(0, 1)
    if starts:
        return a[bit - 1] & ~Cat(span.chosen for span in starts).any()
    return a[bit - 1]


__all__ = ["Split", "multiply_lanes"]
