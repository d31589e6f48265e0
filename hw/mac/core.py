"""The part of the SIMD MAC between decoders and read-out."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.placement import Places, coarse_place, coarse_places
from tilewright.hw.arith.segments import Segments, accumulate
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac.alignment import shift_lanes, shift_product
from tilewright.hw.mac.decoder import Operand, operand, operand_layout
from tilewright.hw.mac.multiplier import Product, Split, multiply_lanes
from tilewright.hw.mac.plan import (
    BF16_LSB,
    DISTANCE_BITS,
    FINE_BITS,
    SEGMENT_BITS,
    TINY_LANE_BITS,
    WIDE_BIAS,
    Plan,
)
from tilewright.hw.mac.select import gated, is_one_of
from tilewright.hw.mac.tiny import tiny_products
from tilewright.sim.formats import Mode
from tilewright.sim.formats.simd import BF16_SUM_LSB, BF16_TOP_EXPONENT

CUTS = ("product", "placed", "quire")
"""Names of the places for registers of the core; the last is the sum."""


@dataclass(frozen=True)
class Sum:
    """The raw sum of a dot product, as it stands in the accumulator; :func:`sum_layout` lists its fields."""

    sums: Value
    """Segments of the sum, the lowest first."""
    carries: Value
    """Carry bits of all segments but the lowest, each still to be added to its segment."""
    nan: Value
    """Flag: an operand was NaR or NaN, or the sum became NaN."""
    plus: Value
    """Flag: a product was positive infinity."""
    minus: Value
    """Flag: a product was negative infinity."""
    is_bf16: Value
    """Flag: the mode was bf16, whose sum has its own binary point."""
    narrow: Value
    """Flag: the mode is one of ``plan.narrow``, so segments above ``plan.narrow_segments`` have no meaning."""

    @property
    def segments(self) -> Segments:
        count = len(self.sums) // SEGMENT_BITS
        return Segments(
            [self.sums.word_select(i, SEGMENT_BITS) for i in range(count)], [Const(0, 1), *self.carries[: count - 1]]
        )

    def packed(self) -> Value:
        """Return the fields as one word, as :func:`sum_layout` has them."""
        return Cat(getattr(self, field.name) for field in fields(self))


def sum_layout(modes: tuple[Mode, ...]) -> data.StructLayout:
    """Return the layout of a raw sum."""
    plan = Plan(modes)
    return data.StructLayout(
        {
            "sums": plan.width,
            "carries": plan.width // SEGMENT_BITS - 1,
            "nan": 1 if plan.has_nan else 0,
            "plus": 1 if plan.has_inf else 0,
            "minus": 1 if plan.has_inf else 0,
            "is_bf16": 1 if Mode.BF16 in modes else 0,
            "narrow": 1 if plan.has_narrow else 0,
        }
    )


def raw_sum(packed: Value, modes: tuple[Mode, ...]) -> Sum:
    """Return the fields of a packed raw sum."""
    layout = sum_layout(modes)
    return Sum(**{name: packed[field.offset : field.offset + field.width] for name, field in layout})


class SimdMacCore(wiring.Component):
    """Computes ``result = sum(a[k] * b[k])`` over lanes and words of a dot product, exact and not rounded.

    Throughput: one word a cycle in every mode, dot products back to back, the mode free from one to the next. Latency:
    ``LATENCY`` cycles from the word with ``last`` to ``result``. There is no back-pressure.

    Parameters
    ----------
    modes : tuple of Mode
        Formats of the operands.
    gated : bool
        Signals that a word does not need keep still: see :func:`accumulate_words`.

    Members
    -------
    a, b : In
        Words taken apart, see :func:`.decoder.decode_word`.
    mode : In(4)
        Number of the :class:`Mode`, the same from ``first`` to ``last``.
    first, last : In(1)
        Begins, ends a dot product.
    valid : In(1)
        There are operands in this cycle.
    result : Out
        See :func:`sum_layout`, in the cycle of ``result_valid``.
    result_valid : Out(1)

    Raises
    ------
    ValueError
        If there is no mode, or one comes twice.
    """

    LATENCY = len(CUTS)

    def __init__(self, modes: tuple[Mode, ...], *, gated: bool = True):
        self.modes = modes
        self.gated = gated
        layout = operand_layout(modes)
        super().__init__(
            {
                "a": In(layout),
                "b": In(layout),
                "mode": In(4),
                "first": In(1),
                "last": In(1),
                "valid": In(1),
                "result": Out(sum_layout(modes)),
                "result_valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        source, sink = (stream.Signature(0, always_ready=True).create(path=(name,)) for name in ("source", "sink"))
        m.d.comb += source.valid.eq(self.valid)
        pipe = Pipeline(m, source, sink, CUTS)
        a, b = (operand(Value.cast(side), self.modes) for side in (self.a, self.b))
        total, last, _ = accumulate_words(
            m, pipe, self.modes, a, b, self.mode, self.first, self.last, gating=self.gated
        )
        pipe.end(when=last)
        m.d.comb += [self.result.eq(total.packed()), self.result_valid.eq(sink.valid)]
        return m


def accumulate_words(
    m: Module,
    pipe: Pipeline,
    modes: tuple[Mode, ...],
    a: Operand,
    b: Operand,
    mode: Value,
    first: Value,
    last: Value,
    *beside: Value,
    gating: bool,
) -> tuple[Sum, Value, list[Value]]:
    """Return the raw sum and, in the same cycle, ``last`` and the values ``beside``; ``CUTS`` lists the places for
    registers.

    Two lanes' products, each shifted to its place, are added to one number before it is placed in the sum; four tiny
    ones are added in the multiplier's own tree. All modes but bf16 have one binary point, so that nothing behind the
    sum depends on the mode.

    With ``gating`` data keep still where a word has no need of them; they become 0, registers have no enable of their
    own. The multiplier, the tiny products, the sums of scales, the places of two lanes, and the sums of two and of four
    get operands in their own modes alone. A lane of ``a`` that is 0 takes the digits of ``b`` from the multiplier,
    a tiny product of 0 has no sign. Words of narrow modes, and products that are 0, leave the sum's other segments as
    they are: those above are 0 then, and take neither signs nor carries.
    """
    later = list(beside)
    plan = Plan(modes)
    wide, half, tiny, bf16, int4 = (
        _choice(m, mode, plan, name, group)
        for name, group in (
            ("wide", plan.wide),
            ("half", plan.halves),
            ("tiny", plan.tiny),
            ("bf16", [Mode.BF16]),
            ("int4", [Mode.INT4]),
        )
    )
    products = _multiply(m, plan, a, b, wide, half, tiny, int4, gating)
    nan, plus, minus = _specials(m, plan, a, b)
    narrow = Const(0, 1)
    if gating and plan.has_narrow:
        narrow = _choice(m, mode, plan, "narrow", plan.narrow)
    distances = _distances(m, plan, a, b, wide, half, tiny, bf16, gating)
    products, distances, nan, plus, minus, first, last, half, int4, bf16, narrow, later = pipe.cut(
        "product", products, distances, nan, plus, minus, first, last, half, int4, bf16, narrow, later
    )
    product = Signal(plan.product_bits, name="product")
    m.d.comb += product.eq(products.value)
    infinite = distances.over & product[: 2 * 8].any()
    if plan.has_inf:
        plus, minus = plus | (infinite & ~product[-1]), minus | (infinite & product[-1])

    # Shifted finely; several lanes into one.
    total = four = None
    if plan.halves:
        shifted, total = shift_lanes(m, plan, product, half, distances.fine, distances.further, "fine", gating=gating)
        total = Cat(Const(0, plan.half_place % (1 << FINE_BITS)), total)
        length = max(len(shifted), len(total))
        shifted, total = _extended(shifted, length), _extended(total, length)
    else:
        shifted = shift_product(m, product, distances.fine[0], "fine")
    if plan.has_int4:
        four = Signal(range(-512, 512), name="int4_total")
        own = gated(product[:32], int4) if gating else product
        fields = [own.word_select(i, 8).as_signed() for i in range(4)]
        m.d.comb += four.eq(sum(fields, Const(0, 1)) + own[7] + own[15] + own[23])
        four = _extended(Cat(Const(0, plan.int4_place % (1 << FINE_BITS)), four), len(shifted))
    if gating:
        # Sums of lanes are 0 in other modes; that of two comes last.
        shifted = gated(shifted, ~(half | int4))
        shifted = shifted if four is None else shifted | four
        shifted = shifted if total is None else shifted | total
    else:
        shifted = shifted if total is None else Mux(half, total, shifted)
        shifted = shifted if four is None else Mux(int4, four, shifted)
    value = Signal(len(shifted), name="aligned")
    m.d.comb += value.eq(shifted)
    special = [
        flag if present else Const(0, 1)
        for flag, present in ((nan, plan.has_nan), (plus, plan.has_inf), (minus, plan.has_inf))
    ]
    nowhere = distances.zero | distances.over if Mode.BF16 in plan.modes else Const(0, 1)
    value, coarse, nowhere, first, last, special, bf16, narrow, later = pipe.cut(
        "placed", value, distances.coarse, nowhere, first, last, special, bf16, narrow, later
    )
    # What is not valid, or waits, goes nowhere, and begins nothing.
    distance = Cat(Const(0, FINE_BITS), coarse)
    places = coarse_places(m, distance, FINE_BITS, value[-1], "place", when=pipe.moves & ~nowhere)
    low_bits = plan.narrow_segments * SEGMENT_BITS
    addend = coarse_place(m, value.as_signed(), places, FINE_BITS, low_bits, plan.start, "addend")
    if plan.has_narrow:
        # Of words of narrow modes nothing goes further up.
        wide_places = Places(gated(places.here, ~narrow), gated(places.signs, ~narrow))
        high_bits, high_start = plan.width - low_bits, plan.start + low_bits
        high = coarse_place(m, value.as_signed(), wide_places, FINE_BITS, high_bits, high_start, "high_addend")
        addend = Cat(addend, high)
    count = plan.width // SEGMENT_BITS
    # Between two words, carries go on their way in the segments that the sum has.
    sum_is_narrow = Const(0, 1)
    if plan.has_narrow and gating:
        sum_is_narrow = Signal(name="sum_is_narrow", reset_less=True)
        with m.If(pipe.moves):
            m.d.sync += sum_is_narrow.eq(narrow)
    narrow_now = Mux(pipe.moves, narrow, sum_is_narrow)
    joined = [~narrow_now if i == plan.narrow_segments else Const(1, 1) for i in range(1, count)]
    first = first & pipe.moves
    segments = accumulate(m, addend, SEGMENT_BITS, "quire", first=first, joined=joined)
    seen = []
    for index, flag in enumerate(special):
        register = Signal(name=f"special{index}", reset_less=True)
        if isinstance(flag, Const):
            seen.append(flag)
            continue
        with m.If(pipe.moves):
            m.d.sync += register.eq((register & ~first) | flag)
        seen.append(register)
    last, bf16, later = pipe.cut("quire", last, bf16, later)
    nan, plus, minus = seen
    none = Const(0, 0)
    return (
        Sum(
            Cat(segments.sums),
            Cat(segments.carries[1:]),
            nan if plan.has_nan else none,
            plus if plan.has_inf else none,
            minus if plan.has_inf else none,
            bf16 if Mode.BF16 in modes else none,
            sum_is_narrow if plan.has_narrow else none,
        ),
        last,
        later,
    )


@dataclass(frozen=True)
class _Distances:
    """Shift distances of a product."""

    fine: list[Value]
    """Shift below ``1 << FINE_BITS``, for the lower and the upper part of the product, or for the whole."""
    further: list[Value]
    """Further shift of each of two lanes, in units of ``1 << FINE_BITS``."""
    coarse: Value
    """Coarse shift of the whole product, or of the sum of lanes, in units of ``1 << FINE_BITS``."""
    zero: Value
    """Flag for bf16: the product is too small to count."""
    over: Value
    """Flag for bf16: the product is infinite, unless it is 0."""


def _choice(m: Module, mode: Value, plan: Plan, name: str, group: Collection[Mode]) -> Value:
    chosen = Signal(name=f"is_{name}")
    m.d.comb += chosen.eq(is_one_of(mode, group, plan.modes))
    return chosen


def _multiply(
    m: Module, plan: Plan, a: Operand, b: Operand, wide: Value, half: Value, tiny: Value, int4: Value, gating: bool
) -> Product:
    """Return the product, the products of lanes, or the sum of tiny ones, which begins at ``plan.tiny_base``."""
    splits = []
    if plan.wide:
        splits.append(Split(wide, plan.significand_bits, 1))
    if plan.halves:
        splits.append(Split(half, plan.half_bits, 2))
    if plan.has_int4:
        splits.append(Split(int4, 4, 4))
    addends = []
    if plan.tiny:
        a_lanes, b_lanes = (Cat(side.significand, side.scale)[: 4 * TINY_LANE_BITS] for side in (a, b))
        addends = [
            (plan.tiny_base + weight, bit) for weight, bit in tiny_products(m, a_lanes, b_lanes, tiny, gating=gating)
        ]
    padding = Const(0, plan.product_bits // 2 - plan.significand_bits)
    # Each tiny product's sign was inverted.
    constant = -4 << 17 + plan.tiny_base if plan.tiny else 0
    # Without digits of b no row of the multiplier does anything.
    live = a.live if gating else (~tiny).replicate(len(a.live))
    cut = plan.half_bits
    digits = Signal(plan.significand_bits, name="digits")
    m.d.comb += digits.eq(Cat(gated(b.significand[:cut], live[:1]), gated(b.significand[cut:], live[1:])))
    multiplied = gated(a.significand, ~tiny) if gating else a.significand
    return multiply_lanes(m, Cat(multiplied, padding), Cat(digits, padding), splits, addends, constant, "multiply")


def _distances(
    m: Module, plan: Plan, a: Operand, b: Operand, wide: Value, half: Value, tiny: Value, bf16: Value, gating: bool
) -> _Distances:
    if gating:
        a, b = (replace(side, scale=gated(side.scale, wide | half)) for side in (a, b))
    bits = plan.wide_scale_bits
    both = Signal(bits + 1, name="scale_sum")
    if bits:
        m.d.comb += both.eq(a.scale[:bits].as_signed() + b.scale[:bits].as_signed())
    zero, over = Signal(name="too_small"), Signal(name="too_large")
    whole = Signal(DISTANCE_BITS, name="wide_distance")
    m.d.comb += whole.eq(both.as_signed() + WIDE_BIAS)
    chosen: Value = whole
    if Mode.BF16 in plan.modes:
        bf16_distance = Signal(bits + 2, name="bf16_distance")
        signed = bf16_distance.as_signed()
        m.d.comb += [
            bf16_distance.eq(both.as_signed() + (BF16_LSB - BF16_SUM_LSB + plan.start)),
            zero.eq(bf16 & (signed < plan.start)),
            over.eq(bf16 & (signed > BF16_TOP_EXPONENT - BF16_SUM_LSB + plan.start)),
        ]
        chosen = Mux(bf16, bf16_distance[:DISTANCE_BITS], whole)
    fixed = Mux(half, plan.half_place >> FINE_BITS << FINE_BITS, plan.tiny_place if plan.tiny else 0)
    if plan.has_int4:
        fixed = Mux(tiny | half, fixed, plan.int4_place >> FINE_BITS << FINE_BITS)
    if plan.wide:
        fixed = Mux(wide, chosen, fixed)
    distance = Signal(DISTANCE_BITS, name="distance")
    m.d.comb += distance.eq(fixed)
    fine, further = [distance[:FINE_BITS]], []
    if plan.halves:
        # Twice the second lane's scale was added up.
        bits, first = plan.half_scale_bits, plan.wide_scale_bits
        lower, upper = (Signal(plan.half_distance_bits, name=f"lane{lane}_distance") for lane in range(2))
        scales = (side.scale[first : first + bits].as_signed() for side in (a, b))
        m.d.comb += [
            lower.eq(sum(scales, Const(0, 1)) + plan.half_bias),
            upper.eq((whole.as_signed() >> 1) + (plan.half_bias - WIDE_BIAS // 2))
            if bits + 2 <= DISTANCE_BITS
            else upper.eq((both.as_signed() >> 1) + plan.half_bias),
        ]
        fine = [
            Mux(half, Cat(lane[:FINE_BITS], Const(0, max(FINE_BITS - len(lane), 0))), distance[:FINE_BITS])
            for lane in (lower, upper)
        ]
        further = [lane[FINE_BITS:] for lane in (lower, upper)]
    return _Distances(fine, further, distance[FINE_BITS:], zero, over)


def _extended(value: Value, width: int) -> Value:
    return Cat(value, value[-1].replicate(width - len(value)))


def _specials(m: Module, plan: Plan, a: Operand, b: Operand) -> tuple[Value, Value, Value]:
    """Return whether the products are NaN, positive infinity, and negative infinity."""
    nan = Signal(name="product_nan")
    plus, minus = Signal(name="product_plus"), Signal(name="product_minus")
    nans: list[Value] = [a.nan, b.nan] if plan.has_nan else [Const(0, 1)]
    if plan.has_inf:
        nans += [(a.inf & b.zero).any(), (a.zero & b.inf).any()]
        inf, sign = a.inf | b.inf, a.sign ^ b.sign
        m.d.comb += [plus.eq((inf & ~sign).any()), minus.eq((inf & sign).any())]
    m.d.comb += nan.eq(Cat(*nans).any())
    return nan, plus, minus
