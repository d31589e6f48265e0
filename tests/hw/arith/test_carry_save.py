import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from tests.hw.simulate import simulate
from tilewright.hw.arith.carry_save import dadda_target, height, reduce_level
from tilewright.sim.config.cim import dadda_levels


class Reduction(wiring.Component):
    """Reduces a heap to two bits of each weight."""

    def __init__(self, heights: list[int], columns: int):
        self.heights = heights
        super().__init__({"bits": In(columns).array(sum(heights))})
        self.reduced = []
        self.levels = 0

    def elaborate(self, platform):
        m = Module()
        bits = iter(self.bits)
        heap = [[next(bits) for _ in range(count)] for count in self.heights]
        while height(heap) > 2:
            target = dadda_target(height(heap))
            heap = reduce_level(m, heap, target, f"l{self.levels}")
            assert height(heap) <= target
            self.levels += 1
        self.reduced = heap
        m.d.sync += Signal().eq(0)
        return m


@pytest.mark.parametrize("heights", [[3], [4, 4], [9, 9, 9, 9, 0, 0, 0], [64, 0, 0, 0, 0, 0, 0], [1, 5, 2, 7, 0, 0]])
def test_the_sum_stays_the_same_in_every_column(heights):
    columns = 5
    component = Reduction(heights, columns)
    rng = random.Random(1)

    async def bench(ctx):
        for _ in range(50):
            values = [rng.getrandbits(columns) for _ in range(sum(heights))]
            for port, value in zip(component.bits, values, strict=True):
                ctx.set(port, value)
            await ctx.tick()
            for column in range(columns):
                bits = iter(values)
                expected = sum(
                    ((next(bits) >> column) & 1) << weight for weight, count in enumerate(heights) for _ in range(count)
                )
                total = sum(
                    ((ctx.get(bit) >> column) & 1) << weight
                    for weight, column_bits in enumerate(component.reduced)
                    for bit in column_bits
                )
                assert total % (1 << len(heights)) == expected % (1 << len(heights))

    simulate(component, bench)
    assert component.levels == dadda_levels(max(heights))


@pytest.mark.parametrize(
    ("bits", "levels"),
    # The thresholds of Dadda's sequence: 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 94.
    [(1, 0), (2, 0), (3, 1), (4, 2), (5, 3), (6, 3), (9, 4), (13, 5), (14, 6), (63, 9), (64, 10), (94, 10), (95, 11)],
)
def test_levels_follow_daddas_sequence(bits, levels):
    assert dadda_levels(bits) == levels
