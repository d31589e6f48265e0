"""Four products of 4-bit numbers a cycle, into one exact accumulator."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.carry_save import Heap, pair, reduce
from tilewright.hw.arith.unit import Unit

LANES = 4


class Fp4Mode(enum.IntEnum):
    """Format of all lanes of a word."""

    FP4_E2M1 = 0
    POSIT4_1 = 1


class Fp4Unit(Unit):
    """``sum += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]``, exact.

    Every non-zero posit4_1 is a power of two; every fp4_e2m1 is a 2-bit significand times one. Both become a
    significand and a shift, so that one 2x2 multiplier and one shifter a lane serve either format.

    The sum is a signed fixed-point number of ``SUM_BITS`` bits that wraps, its last bit worth ``2 ** SUM_LSB``: it
    holds any sum of 2 ** 15 - 1 products of either format. Read it out with :class:`.read_out.ReadOut`.

    Throughput: four products a cycle, dot products back to back, the format free from cycle to cycle. Latency:
    ``stages + 1`` cycles from the last products to the sum.

    Parameters
    ----------
    stages : int
        Pipeline registers beside the accumulator, 0 to 2; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``, lane 0 lowest; ``mode``; ``first`` begins a dot product, ``last`` ends it.
    o : Out(stream)
        ``sum`` for each ``last``, and ``nan`` if a posit was NaR.
    """

    CUTS = ("pair", "lanes")
    ALWAYS = ("sum",)
    SUM_BITS = 32
    SUM_LSB = -8

    def __init__(self, *, stages: int = 0, back_pressure: bool = True):
        word = 4 * LANES
        i = data.StructLayout({"a": word, "b": word, "mode": 1, "first": 1, "last": 1})
        o = data.StructLayout({"sum": self.SUM_BITS, "nan": 1})
        super().__init__(i, o, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        posit = p.mode
        lanes = [
            self._lane(m, posit, p.a.word_select(lane, 4), p.b.word_select(lane, 4), f"lane{lane}")
            for lane in range(LANES)
        ]
        lanes, first, last = pipe.cut("lanes", lanes, p.first, p.last)

        # Magnitudes of at most 2 ** 16. A negative one is inverted, lacks a 1, and its sign weighs -2 ** 17: with the
        # sign inverted, too, that is 2 ** 17 too much a lane, and the sum of all is positive and below 2 ** 20.
        heap: Heap = [[] for _ in range(20)]
        for index, (product, shift, negative, _) in enumerate(lanes):
            shifted = _shift(m, product, shift, f"shift{index}")
            for bit in range(17):
                heap[bit].append(shifted[bit] ^ negative)
            heap[0].append(negative)
            heap[17].append(~negative)
        nan = Cat(lane[3] for lane in lanes).any()
        one, two = pair(reduce(m, heap, "lanes"))
        one, two, nan, first, last = pipe.cut("pair", one, two, nan, first, last)

        # Three summands, the pair and the sum so far, and -2 ** 19 become two.
        total, seen = Signal(self.SUM_BITS, reset_less=True), Signal(reset_less=True)
        so_far = Mux(first, 0, total)
        summands: Heap = [[bit] for bit in so_far]
        for weight, bits in enumerate(zip(one, two, strict=True)):
            summands[weight] += bits
        for weight in range(19, self.SUM_BITS):
            summands[weight].append(Const(1, 1))
        one, two = pair(reduce(m, summands, "sum"))
        with m.If(pipe.moves):
            m.d.sync += [total.eq(one + two), seen.eq((seen & ~first) | nan)]
        last = pipe.cut("sum", last)
        pipe.end(Cat(total, seen), when=last)
        return m

    def _lane(self, m: Module, posit: Value, a: Value, b: Value, name: str) -> list[Value]:
        """Return the product of the significands, its shift, its sign, and whether it is NaR."""
        (a_significand, a_shift, a_nan), (b_significand, b_shift, b_nan) = (
            _take_apart(m, posit, code, f"{name}_{side}") for side, code in (("a", a), ("b", b))
        )
        product, shift = Signal(4, name=f"{name}_product"), Signal(5, name=f"{name}_shift")
        m.d.comb += [product.eq(a_significand * b_significand), shift.eq(a_shift + b_shift)]
        return [product, shift, a[3] ^ b[3], a_nan | b_nan]


def _take_apart(m: Module, posit: Value, code: Value, name: str) -> tuple[Value, Value, Value]:
    """Return significand and shift: ``abs(value) == significand * 2 ** (shift - 4)``; and whether it is NaR."""
    significand, shift, nan = Signal(2, name=f"{name}_significand"), Signal(4, name=f"{name}_shift"), Signal()
    # Codes in [16] are posits.
    with m.Switch(Cat(code, posit)):
        for value in range(16):
            # E2M1: subnormal, or a hidden bit; half of the significand's last bit, so one less of shift.
            mantissa, exponent = value & 1, value >> 1 & 3
            with m.Case(value):
                m.d.comb += [
                    significand.eq(mantissa | (2 if exponent else 0)),
                    shift.eq(max(exponent, 1) - 1 + 3),
                ]
        for value in range(16):
            magnitude = value if value < 8 else 16 - value
            with m.Case(16 + value):
                # Regimes -2, -1, 0, 1 and 2 of useed 4, an exponent bit where there is room.
                m.d.comb += [
                    significand.eq(0 if magnitude in (0, 8) else 1),
                    shift.eq({1: 0, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}.get(magnitude, 0)),
                    nan.eq(value == 8),
                ]
    return significand, shift, nan


def _shift(m: Module, value: Value, distance: Value, name: str) -> Value:
    """Return a 4-bit value shifted left by 0 to 16, 17 bits: only small values go far."""
    fine = Signal(7, name=f"{name}_fine")
    m.d.comb += fine.eq(value << distance[:2])
    shifted = Signal(17, name=name)
    for bit in range(17):
        # The value spans two places at most.
        terms = [
            fine[bit - 4 * place] & (distance[2:] == place) for place in range(5) if 0 <= bit - 4 * place < len(fine)
        ]
        m.d.comb += shifted[bit].eq(Cat(*terms).any())
    return shifted
