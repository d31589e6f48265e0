"""Sums and maxima of rows."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.definition import Definition
from tilewright.hw.pipeline import delay
from tilewright.sim.config.fp32 import ADD
from tilewright.sim.isa.depths import INTERVAL
from tilewright.sim.isa.vector_command import Reduce

SIGN = 1 << 31
MINUS_INFINITY_KEY = 0x007FFFFF
"""Key of -inf. Keys are unsigned and in the order of the numbers, with -0 below +0 and NaN above all."""


class Reducer(wiring.Component):
    """Sum, maximum or maximum magnitude of all values of a row, a step of ``lanes`` values a cycle.

    A row's steps come in consecutive cycles, at least INTERVAL of them; what is masked is +0. The order of a sum is
    that of :func:`.vector_values.sums`.

    Latency from a row's last step to ``valid``: ``sum_latency`` or ``maximum_latency`` cycles.

    Parameters
    ----------
    lanes : int
        A power of two.
    adder : Definition
        Definition of an :class:`Fp32Adder`.

    Members
    -------
    reduce : In(2)
        See :class:`Reduce`; constant while values are under way. What it does not need keeps what it holds: all but the
        registers that follow ``first``, ``begins`` and ``ends`` without a reduction.
    first : In(1)
        One of the first INTERVAL steps of a row.
    begins, ends : In(1)
        First, last step of a row.
    values : In
        FP32, lane 0 lowest; a NaN is 0x7FC00000.
    masked : In
        Values that do not count, a bit each.
    valid, result : Out
        A row's result.
    """

    def __init__(self, *, lanes: int, adder: Definition):
        self._lanes, self._adder = lanes, adder
        super().__init__(
            {
                "reduce": In(2),
                "first": In(1),
                "begins": In(1),
                "ends": In(1),
                "values": In(32 * lanes),
                "masked": In(lanes),
                "valid": Out(1),
                "result": Out(32),
            }
        )

    @property
    def levels(self) -> int:
        """Number of levels of the trees over lanes."""
        return self._lanes.bit_length() - 1

    @property
    def sum_latency(self) -> int:
        """Cycles of a sum: tree, accumulation, and the last additions of the partial sums."""
        return ADD * (self.levels + 1) + 2 * ADD + ADD - 1

    @property
    def maximum_latency(self) -> int:
        """Cycles of a maximum: key, tree, and accumulation."""
        return 1 + self.levels + 1

    def elaborate(self, platform):
        m = Module()
        values = [self.values.word_select(lane, 32) for lane in range(self._lanes)]
        summing = self.reduce == Reduce.SUM
        total = self._sum(m, values)
        with m.If(self.reduce.any() & ~summing):
            highest = self._maximum(m, values)
        sum_valid = delay(m, self.ends & summing, "sum_valid", cycles=self.sum_latency)
        maximum_valid = delay(
            m, self.ends & ~summing & self.reduce.any(), "maximum_valid", cycles=self.maximum_latency
        )  # fmt: skip
        m.d.comb += [self.valid.eq(sum_valid | maximum_valid), self.result.eq(Mux(summing, total, highest))]
        return m

    def _add(self, m: Module, name: str, a: Value, b: Value) -> Value:
        unit = self._adder.instantiate(m, name)
        m.d.comb += [unit.enable.eq(self.reduce == Reduce.SUM), unit.a.eq(a), unit.b.eq(b)]
        return unit.y

    def _delay(self, m: Module, value: Value, name: str, cycles: int = 1) -> Value:
        """Return a value of a sum some cycles later."""
        with m.If(self.reduce == Reduce.SUM):
            return delay(m, value, name, cycles=cycles, reset_less=True)

    def _sum(self, m: Module, values: list[Value]) -> Value:
        """Return the sum of a row, ``sum_latency`` cycles after its last step."""
        level = 0
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [self._add(m, f"tree{level}_{index}", a, b) for index, (a, b) in enumerate(pairs)]
            level += 1
        first = delay(m, self.first, "tree_first", cycles=ADD * level)
        # As long as the addition takes, its result is the next but INTERVAL - 1 step's operand.
        assert INTERVAL == ADD == 5
        so_far = Signal(32)
        partial = self._add(m, "partial", values[0], so_far)
        m.d.comb += so_far.eq(Mux(first, 0, partial))
        # Of the five, p0 + p1 and p2 + p3, as soon as the second of each is there; the sum of these; and p4.
        before = self._delay(m, partial, "before")
        pair = self._add(m, "pair", before, partial)
        two = self._add(m, "two", self._delay(m, pair, "pair_before", 2), pair)
        # p3 comes a cycle before p4, and its pair's pair 2 * ADD cycles later.
        last = self._delay(m, partial, "last", 2 * ADD - 1)
        return self._add(m, "total", two, last)

    def _maximum(self, m: Module, values: list[Value]) -> Value:
        """Return the maximum of a row, ``maximum_latency`` cycles after its last step."""
        magnitude = self.reduce == Reduce.MAGNITUDE
        keys: list[Value] = []
        for lane, value in enumerate(values):
            negative = value[31] & ~magnitude
            key = Cat(value[:31] ^ negative.replicate(31), ~negative)
            least = Mux(magnitude, SIGN, MINUS_INFINITY_KEY)
            keys.append(delay(m, Mux(self.masked[lane], least, key), f"key{lane}", reset_less=True))
        level = 0
        while len(keys) > 1:
            keys = [
                delay(m, Mux(a > b, a, b), f"higher{level}_{index}", reset_less=True)
                for index, (a, b) in enumerate(zip(keys[::2], keys[1::2], strict=True))
            ]
            level += 1
        begins = delay(m, self.begins, "begins", cycles=1 + level)
        highest = Signal(32, name="highest", reset_less=True)
        m.d.sync += highest.eq(Mux(begins | (keys[0] > highest), keys[0], highest))
        return Cat(highest[:31] ^ (~highest[31]).replicate(31), ~highest[31])
