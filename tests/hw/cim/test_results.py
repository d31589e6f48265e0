"""Accumulator and result sender of a tile."""

import random

from tests.hw.simulate import simulate
from tilewright.hw.cim.accumulator import Accumulator
from tilewright.hw.cim.result_sender import ResultSender
from tilewright.sim.config import MacroConfig, TileConfig

CONFIG = TileConfig(
    macro=MacroConfig(rows=4, columns=8, weight_bits=4, input_bits=8),
    accumulator_vectors=3,
    accumulator_bits=16,
    result_bus_bits=32,
    activation_bus_bits=32,
    weight_bus_bits=32,
)


def pack(values: list[int], bits: int) -> int:
    return sum((value % (1 << bits)) << (bits * index) for index, value in enumerate(values))


def test_successive_vectors_may_use_the_same_slot():
    accumulator = Accumulator(config=CONFIG)
    rng = random.Random(1)
    steps = [(rng.randrange(3), index > 8 and rng.random() < 0.7, rng.random() < 0.3) for index in range(200)]

    async def bench(ctx):
        slots = [[0] * 8 for _ in range(3)]
        ctx.set(accumulator.next_slot, steps[0][0])
        await ctx.tick()
        for index, (slot, accumulate, emit) in enumerate(steps):
            sums = [rng.randrange(-(1 << CONFIG.sum_bits - 1), 1 << CONFIG.sum_bits - 1) for _ in range(8)]
            total = [(old if accumulate else 0) + new for old, new in zip(slots[slot], sums, strict=True)]
            ctx.set(accumulator.valid, 1)
            ctx.set(accumulator.vector, {"slot": slot, "columns": 8, "accumulate": accumulate, "emit": emit})
            ctx.set(accumulator.sums, pack(sums, CONFIG.sum_bits))
            ctx.set(accumulator.next_slot, steps[(index + 1) % len(steps)][0])
            assert ctx.get(accumulator.total_valid) == emit
            assert ctx.get(accumulator.total) == pack(total, 16), "in the same cycle"
            if not emit:
                slots[slot] = total
            await ctx.tick()

    simulate(accumulator, bench)


def test_first_word_after_the_latency_then_one_a_cycle_across_vectors():
    sender = ResultSender(config=CONFIG)
    vectors = [[10 * v + c for c in range(8)] for v in range(2)]

    async def bench(ctx):
        ctx.set(sender.results.ready, 1)
        words = []
        for cycle in range(sender.LATENCY + 2 * 4):
            ctx.set(sender.valid, cycle < 2)
            ctx.set(sender.columns, 7)  # four words, the last one half used
            ctx.set(sender.total, pack(vectors[min(cycle, 1)], 16))
            assert ctx.get(sender.results.valid) == (cycle >= sender.LATENCY)
            if ctx.get(sender.results.valid):
                words.append((ctx.get(sender.results.p.data), ctx.get(sender.results.p.last)))
            await ctx.tick()
        expected = [(pack(vector[2 * word : 2 * word + 2], 16), word == 3) for vector in vectors for word in range(4)]
        assert words == expected
        assert not ctx.get(sender.results.valid)

    simulate(sender, bench)


def test_a_word_waits_until_it_is_taken():
    sender = ResultSender(config=CONFIG)

    async def bench(ctx):
        ctx.set(sender.valid, 1)
        ctx.set(sender.columns, 1)
        ctx.set(sender.total, 77)
        await ctx.tick()
        ctx.set(sender.valid, 0)
        await ctx.tick()
        for _ in range(5):
            assert ctx.get(sender.results.valid)
            assert ctx.get(sender.results.p.data) == 77
            assert not ctx.get(sender.taken)
            await ctx.tick()
        ctx.set(sender.results.ready, 1)
        await ctx.tick()
        assert not ctx.get(sender.results.valid)

    simulate(sender, bench)
