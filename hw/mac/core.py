"""The part of the SIMD MAC between decoders and read-out."""

from dataclasses import dataclass, fields

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.placement import Places, coarse_place, coarse_places
from tilewright.hw.arith.segments import Segments, accumulate
from tilewright.hw.arith.shifter import shift_left
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac.decoder import Operand, operand, operand_layout
from tilewright.hw.mac.multiplier import Split, multiply_lanes
from tilewright.hw.mac.plan import FINE_BITS, SEGMENT_BITS, TINY_BITS, TINY_LSB, WIDE_BIAS, Plan
from tilewright.sim.formats import Mode

CUTS = ("product", "placed", "quire")
"""Registers of the core; the last is the sum."""


@dataclass(frozen=True)
class Sum:
    """The raw sum of a dot product, as it stands in the accumulator. The fields are those of :func:`sum_layout`."""

    sums: Value
    """Segments, the lowest first."""
    carries: Value
    """For each segment but the lowest, 1 still to be added to it."""
    nan: Value
    """NaR or NaN, and what makes NaN."""
    plus: Value
    """A product was positive infinity."""
    minus: Value
    """A product was negative infinity."""
    is_bf16: Value
    """The mode was bf16, whose sum has its own binary point."""

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
        }
    )


def raw_sum(packed: Value, modes: tuple[Mode, ...]) -> Sum:
    """Return the fields of a packed raw sum."""
    layout = sum_layout(modes)
    return Sum(**{name: packed[field.offset : field.offset + field.width] for name, field in layout})


class SimdMacCore(wiring.Component):
    """``result = sum(a[k] * b[k])`` over lanes and words of a dot product, exact, not rounded.

    Throughput: one word a cycle in every mode, dot products back to back, the mode free from one to the next. Latency:
    ``LATENCY`` cycles from the word with ``last`` to ``result``. There is no back-pressure.

    Parameters
    ----------
    modes : tuple of Mode
        Formats of the operands.
    gated : bool
        What a word has no need of keeps still: see :func:`accumulate_words`.

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
            m, pipe, self.modes, a, b, self.mode, self.first, self.last, gated=self.gated
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
    gated: bool,
) -> tuple[Sum, Value, list[Value]]:
    """Return the raw sum and, when it is there, ``last`` and the values ``beside``. Places for registers: ``CUTS``."""
    later = list(beside)
    plan = Plan(modes)
    is_wide, is_half, is_tiny, is_bf16, is_int4 = (Signal(name=name) for name in ("wide", "half", "tiny", "bf16", "int4"))
    for signal, group in (
        (is_wide, plan.wide), (is_half, plan.halves), (is_tiny, plan.tiny),
        (is_bf16, plan.those(Mode.BF16)), (is_int4, plan.those(Mode.INT4)),
    ):  # fmt: skip
        m.d.comb += signal.eq(Cat(*(mode == which for which in group)).any() if group else 0)

    # The products.
    splits = []
    if plan.wide:
        splits.append(Split(is_wide, plan.significand_bits, 1))
    if plan.halves:
        splits.append(Split(is_half, plan.half_bits, 2))
    if plan.has_int4:
        splits.append(Split(is_int4, 4, 4))
    width = max(2 * plan.significand_bits, TINY_BITS + 2 if plan.tiny else 0)
    addends = _tiny_products(m, a.tiny, b.tiny, is_tiny) if plan.tiny else []
    base = 6 if width >= TINY_BITS + 6 else 0
    operands = []
    for side in (a, b):
        operands.append(Cat(side.significand, Const(0, width // 2 - len(side.significand))))
    # Each tiny product's sign was inverted.
    constant = -4 << 17 + base if plan.tiny else 0
    product = multiply_lanes(
        m, *operands, splits, [(base + weight, bit) for weight, bit in addends], constant, "multiply"
    )
    nan, plus, minus = _specials(m, plan, a, b, is_wide)

    # Where they go.
    start = WIDE_BIAS + 24 + plan.lsb if plan.wide else 16
    tiny_place = TINY_LSB - plan.lsb + start - base
    coarse_bits = 7
    distance = Signal(coarse_bits)
    zero, over = Signal(), Signal()
    if Mode.POSIT16_1 in plan.modes:
        wide = Signal(coarse_bits)
        m.d.comb += wide.eq(_sum(a.wide_scale[:6].as_signed(), b.wide_scale[:6].as_signed()) + WIDE_BIAS)
    else:
        wide = Const(0, coarse_bits)
    if Mode.BF16 in plan.modes:
        bf16 = Signal(10)
        # 268: two exponents' biases and the fractions' 14 bits.
        m.d.comb += bf16.eq(_sum(a.wide_scale, b.wide_scale) - 268 + 80)
        m.d.comb += [zero.eq(is_bf16 & (bf16.as_signed() < 0)), over.eq(is_bf16 & (bf16.as_signed() > 95))]
        wide = Mux(is_bf16, bf16[:coarse_bits] + start, wide)
    half_place = plan.half_lsb - plan.lsb + start
    half_offset, half_coarse = half_place % (1 << FINE_BITS), half_place >> FINE_BITS
    int4_place = -plan.lsb + start
    fixed = Signal(coarse_bits)
    m.d.comb += fixed.eq(
        Mux(is_tiny, tiny_place, Mux(is_int4, int4_place, half_coarse << FINE_BITS))
    )
    m.d.comb += distance.eq(Mux(is_wide, wide, fixed))
    half_distances = []
    for lane in range(2 if plan.halves else 0):
        half_distance = Signal(plan.half_distance_bits, name=f"half_distance{lane}")
        scales = (side.half_scales.word_select(lane, plan.half_scale_bits).as_signed() for side in (a, b))
        m.d.comb += half_distance.eq(_sum(*scales) + plan.half_bias)
        half_distances.append(half_distance)
    product, distance, half_distances, zero, over, nan, plus, minus, first, last, is_half, is_int4, is_bf16, later = pipe.cut(
        "product", product, distance, half_distances, zero, over, nan, plus, minus, first, last, is_half, is_int4, is_bf16, later
    )
    if Mode.BF16 in plan.modes:
        infinite = over & product[:17].any()
        plus, minus = plus | (infinite & ~product[16]), minus | (infinite & product[16])

    # Shifted finely; two lanes into one.
    value = Cat(product, product[-1].replicate((1 << FINE_BITS) - 1))
    if plan.has_int4:
        four = Signal(range(-512, 512), name="int4_total")
        fields = [product.word_select(i, 8).as_signed() for i in range(4)]
        m.d.comb += four.eq(fields[0] + fields[1] + fields[2] + fields[3] + product[7] + product[15] + product[23])
        value = Mux(is_int4, four.as_signed(), value.as_signed())[: len(value)]
    shifted = shift_left(m, value, distance[:FINE_BITS], "fine")
    if plan.halves:
        total = _two_lanes(m, plan, product, half_distances)
        length = max(len(shifted), len(total) + half_offset)
        shifted, total = _extended(shifted, length), _extended(Cat(Const(0, half_offset), total), length)
        shifted = Mux(is_half, total, shifted)
    placed = Signal(len(shifted), name="placed_value")
    m.d.comb += placed.eq(shifted)
    when = Signal(name="placed_when")
    m.d.comb += when.eq(pipe.valid & ~zero & ~over)
    places = coarse_places(m, distance, FINE_BITS, placed[-1], "place", when=when)
    first = first & pipe.valid
    special = [flag if present else Const(0, 1) for flag, present in (
        (nan, plan.has_nan), (plus, plan.has_inf), (minus, plan.has_inf)
    )]
    value, places, first, last, special, is_bf16, later = pipe.cut(
        "placed", placed, places, first, last, special, is_bf16, later
    )
    places = Places(*(part & pipe.ready.replicate(len(part)) for part in (places.here, places.signs)))
    addend = coarse_place(m, value.as_signed(), places, FINE_BITS, plan.width, start, "addend")
    segments = accumulate(m, addend, SEGMENT_BITS, "quire", first=first & pipe.ready)
    seen = []
    for index, flag in enumerate(special):
        register = Signal(name=f"special{index}", reset_less=True)
        if isinstance(flag, Const):
            seen.append(flag)
            continue
        with m.If(pipe.moves):
            m.d.sync += register.eq((register & ~first) | flag)
        seen.append(register)
    last, is_bf16, later = pipe.cut("quire", last, is_bf16, later)
    nan, plus, minus = seen
    none = Const(0, 0)
    return (
        Sum(
            Cat(segments.sums),
            Cat(segments.carries[1:]),
            nan if plan.has_nan else none,
            plus if plan.has_inf else none,
            minus if plan.has_inf else none,
            is_bf16 if Mode.BF16 in modes else none,
        ),
        last,
        later,
    )


def _sum(a: Value, b: Value) -> Value:
    return a + b


def _extended(value: Value, width: int) -> Value:
    return Cat(value, value[-1].replicate(width - len(value)))


def _two_lanes(m: Module, plan: Plan, product: Value, distances: list[Value]) -> Value:
    """Return the sum of two lanes' products, each in its place, in units of ``half_lsb``."""
    bits, width = plan.half_bits, plan.half_product_bits
    # A negative product has taken 1 from the one above. Ones come in below that one, and one more is added.
    borrowed = product[2 * bits - 1]
    places = []
    for lane, distance in enumerate(distances):
        part = product[2 * bits * lane : 2 * bits * (lane + 1)]
        fill = borrowed if lane else Const(0, 1)
        moved: Value = Cat(part, part[-1].replicate(max(width + plan.half_drop - len(part), 0)))
        for bit in range(len(distance)):
            step = 1 << bit
            shifted = Signal(len(moved), name=f"half{lane}_shifted{bit}")
            m.d.comb += shifted.eq(
                Mux(distance[bit], Cat(fill.replicate(min(step, len(moved))), moved)[: len(moved)], moved)
            )
            moved = shifted
        places.append(moved[plan.half_drop :].as_signed())
    total = Signal(width + 1, name="half_total")
    m.d.comb += total.eq(places[0] + places[1] + borrowed)
    return total


def _tiny_products(m: Module, a: Value, b: Value, chosen: Value) -> list[tuple[int, Value]]:
    """Return the bits of four products' sum, with their weights."""
    bits: list[tuple[int, Value]] = []
    for lane in range(4):
        (a_significand, a_shift, a_sign), (b_significand, b_shift, b_sign) = (
            (part[:2], part[2:6], part[6]) for part in (side.word_select(lane, 7) for side in (a, b))
        )
        product, shift = Signal(4, name=f"tiny{lane}_product"), Signal(5, name=f"tiny{lane}_shift")
        negative = Signal(name=f"tiny{lane}_negative")
        m.d.comb += [
            product.eq(a_significand * b_significand),
            shift.eq(a_shift + b_shift),
            negative.eq(a_sign ^ b_sign),
        ]
        shifted = Signal(17, name=f"tiny{lane}_shifted")
        m.d.comb += shifted.eq(product << shift)
        bits += [(weight, shifted[weight] ^ negative) for weight in range(17)]
        bits += [(0, negative), (17, ~negative & chosen)]
    return bits


def _specials(m: Module, plan: Plan, a: Operand, b: Operand, is_wide: Value) -> tuple[Value, Value, Value]:
    """Return whether the products are NaN, plus infinity, minus infinity."""
    nan = Signal(name="product_nan")
    plus, minus = Signal(name="product_plus"), Signal(name="product_minus")
    nans: list[Value] = [a.nan, b.nan] if plan.has_nan else [Const(0, 1)]
    if plan.has_inf:
        nans += [(a.inf & b.zero).any(), (a.zero & b.inf).any()]
        inf, sign = a.inf | b.inf, a.sign ^ b.sign
        m.d.comb += [plus.eq((inf & ~sign).any()), minus.eq((inf & sign).any())]
    m.d.comb += nan.eq(Cat(*nans).any())
    return nan, plus, minus
