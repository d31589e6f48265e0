"""The building blocks of the arithmetic units against Python's integers."""

import random
from itertools import pairwise, product

import pytest
from amaranth.hdl import Cat, Const, Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.hw.arith.functions import evaluate
from tests.hw.simulate import simulate
from tilewright.hw.arith.booth import multiply
from tilewright.hw.arith.leading import count_leading_zeros, leading_one, one_hot_to_binary
from tilewright.hw.arith.placement import coarse_place, coarse_places, fine_shift
from tilewright.hw.arith.prefix import all_below, increment
from tilewright.hw.arith.segments import Segments, accumulate, add_carries, look_ahead
from tilewright.hw.arith.shifter import shift_left, shift_left_one_hot, shift_right_sticky


@pytest.mark.parametrize("width", range(1, 10))
def test_leading_zeros_are_counted(width):
    values = [(value,) for value in range(1 << width)]
    results = evaluate(
        lambda m, value: (count_leading_zeros(m, value, "count"), leading_one(m, value, "first")), [width], values
    )
    for (value,), (zeros, first) in zip(values, results, strict=True):
        expected = width - value.bit_length()
        assert (zeros, first) == (expected, 1 << expected), value


@pytest.mark.parametrize("width", [2, 3, 8, 11])
def test_a_one_hot_word_has_a_number(width):
    values = [(1 << bit,) for bit in range(width)]
    results = evaluate(lambda m, value: one_hot_to_binary(m, value, "number"), [width], values)
    assert results == [(bit,) for bit in range(width)]


@pytest.mark.parametrize(("width", "steps"), [(1, 1), (4, 2), (5, 3), (7, 4)])
def test_shifts_to_the_left(width, steps):
    operands = list(product(range(1 << width), range(1 << steps)))
    results = evaluate(lambda m, value, distance: shift_left(m, value, distance, "shift"), [width, steps], operands)
    for (value, distance), (result,) in zip(operands, results, strict=True):
        assert result == (value << distance) & ((1 << width) - 1), (value, distance)


def test_shifts_to_the_left_by_a_one_hot_distance():
    width, places = 6, 7
    operands = [(value, 1 << distance) for value, distance in product(range(1 << width), range(places))]
    results = evaluate(
        lambda m, value, distance: shift_left_one_hot(m, value, distance, "shift"), [width, places], operands
    )
    for (value, one_hot), (result,) in zip(operands, results, strict=True):
        assert result == value * one_hot % (1 << width), (value, one_hot)


@pytest.mark.parametrize(("width", "steps"), [(1, 1), (4, 3), (6, 2), (5, 4)])
def test_shifts_to_the_right_keep_a_sticky_bit(width, steps):
    # Zeros come in, or copies of the highest bit.
    values = [(value, fill) for value in range(1 << width) for fill in {0, value >> width - 1}]
    operands = [
        (value, distance, fill, sticky)
        for (value, fill), distance, sticky in product(values, range(1 << steps), (0, 1))
    ]
    results = evaluate(
        lambda m, value, distance, fill, sticky: shift_right_sticky(
            m, value, distance, "shift", fill=fill, sticky=sticky
        ),
        [width, steps, 1, 1],
        operands,
    )
    for (value, distance, fill, sticky), (result, lost) in zip(operands, results, strict=True):
        filled = value | -fill << width
        assert result == (filled >> distance) & ((1 << width) - 1), (value, distance, fill)
        assert lost == bool(sticky or filled & ((1 << distance) - 1)), (value, distance, fill, sticky)


@pytest.mark.parametrize("style", ["tree", "rows"])
@pytest.mark.parametrize(("a", "b"), [(2, 2), (1, 4), (4, 1), (5, 5), (6, 3), (3, 6)])
def test_every_product(style, a, b):
    operands = list(product(range(-(1 << a - 1), 1 << a - 1), range(-(1 << b - 1), 1 << b - 1)))
    results = evaluate(lambda m, x, y: multiply(m, x, y, "multiply", style=style), [signed(a), signed(b)], operands)
    assert results == [(x * y,) for x, y in operands]


@pytest.mark.parametrize("style", ["tree", "rows"])
def test_products_of_wide_factors(style):
    rng = random.Random(1)
    corners = [-(1 << 15), (1 << 15) - 1, 0, 1, -1, 0x5555, -0x5556]
    operands = [
        *product(corners, corners),
        *((rng.randrange(-(1 << 15), 1 << 15), rng.choice(corners)) for _ in range(300)),
    ]
    operands += [(rng.randrange(-(1 << 15), 1 << 15), rng.randrange(-(1 << 15), 1 << 15)) for _ in range(1000)]
    results = evaluate(lambda m, x, y: multiply(m, x, y, "multiply", style=style), [signed(16)] * 2, operands)
    assert results == [(x * y,) for x, y in operands]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_a_carry_runs_through_ones(width):
    operands = list(product(range(1 << width), (0, 1)))
    results = evaluate(
        lambda m, value, carry: (increment(m, value, carry, "next"), Cat(all_below(m, value, "below"))),
        [width, 1],
        operands,
    )
    for (value, carry), (result, below) in zip(operands, results, strict=True):
        assert result == (value + carry) % (1 << width), (value, carry)
        ones = (~value & (value + 1)).bit_length() - 1  # ones at the low end
        assert below == (1 << min(ones, width)) - 1, value


@pytest.mark.parametrize("joined", [None, (0, 0), (1, 0), (0, 1), (1, 1)])
def test_carries_of_segments_are_added(joined):
    bits = 3
    operands = list(product(*[range(1 << bits)] * 3, (0, 1), (0, 1)))
    results = evaluate(
        lambda m, a, b, c, carry1, carry2: add_carries(
            m,
            look_ahead(
                m,
                Segments([a, b, c], [Const(0, 1), carry1, carry2]),
                "ahead",
                joined=None if joined is None else [Const(bit, 1) for bit in joined],
            ),
            "total",
        ),
        [bits] * 3 + [1, 1],
        operands,
    )
    for (*sums, carry1, carry2), (result,) in zip(operands, results, strict=True):
        expected, carry_in = 0, 0
        for index, (total, carry) in enumerate(zip(sums, (0, carry1, carry2), strict=True)):
            added = total + carry + carry_in
            expected |= added % (1 << bits) << bits * index
            # It goes on only into a segment that is joined.
            carry_in = added >> bits if index < 2 and (joined is None or joined[index]) else 0
        assert result == expected, (sums, carry1, carry2)


class Accumulator(wiring.Component):
    """Three segments of four bits."""

    def __init__(self, joined):
        self.joined = joined
        super().__init__({"addend": In(12), "first": In(1), "sums": Out(12), "carries": Out(3)})

    def elaborate(self, platform):
        m = Module()
        joined = None if self.joined is None else [Const(bit, 1) for bit in self.joined]
        segments = accumulate(m, self.addend, 4, "total", first=self.first, joined=joined)
        m.d.comb += [self.sums.eq(Cat(*segments.sums)), self.carries.eq(Cat(*segments.carries))]
        return m


@pytest.mark.parametrize("joined", [None, (0, 0), (1, 0), (0, 1), (1, 1)])
def test_segments_hold_the_sum_in_every_cycle(joined):
    accumulator = Accumulator(joined)
    rng = random.Random(1)
    # Lanes: runs of joined segments, as (place, width).
    borders = [0, *(4 * (i + 1) for i in range(2) if joined is not None and not joined[i]), 12]
    lanes = [(low, high - low) for low, high in pairwise(borders)]

    async def bench(ctx):
        totals = [0] * len(lanes)
        for cycle in range(2000):
            addend = rng.choice((0, 0xFFF, 1, 0x0FF, rng.getrandbits(12)))
            first = cycle == 0 or rng.random() < 0.1
            ctx.set(accumulator.addend, addend)
            ctx.set(accumulator.first, first)
            await ctx.tick()
            sums, carries = ctx.get(accumulator.sums), ctx.get(accumulator.carries)
            for index, (low, width) in enumerate(lanes):
                totals[index] = ((0 if first else totals[index]) + (addend >> low)) % (1 << width)
                held = (sums >> low) + sum(
                    (carries >> i & 1) << 4 * i - low for i in range(3) if low <= 4 * i < low + width
                )
                assert held % (1 << width) == totals[index], (cycle, lanes[index])

    simulate(accumulator, bench)


@pytest.mark.parametrize(
    ("value_bits", "distance_bits", "width", "start"), [(3, 3, 12, 0), (4, 4, 14, 5), (3, 5, 20, 9)]
)
def test_a_value_is_put_in_its_place(value_bits, distance_bits, width, start):
    """Whatever the distance: what is above the word is dropped, and so is what is below."""
    fine_bits = (distance_bits + 1) // 2

    def place(m, value, distance, when):
        shifted = fine_shift(m, value, distance, fine_bits, "fine")
        places = coarse_places(m, distance, fine_bits, value[-1], "places", when=when)
        return coarse_place(m, shifted, places, fine_bits, width, start, "word")

    half = 1 << value_bits - 1
    operands = list(product(range(-half, half), range(1 << distance_bits), (0, 1)))
    results = evaluate(place, [signed(value_bits), distance_bits, 1], operands)
    for (value, distance, when), (result,) in zip(operands, results, strict=True):
        expected = (value << distance >> start) % (1 << width) if when else 0
        assert result == expected, (value, distance, when)
