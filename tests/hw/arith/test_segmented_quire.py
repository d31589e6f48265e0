"""What is at the input of a segmented quire without being taken must not matter."""

import pytest

from tests.hw.simulate import simulate
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import Lanes


@pytest.mark.parametrize("valid", [0, 1])
@pytest.mark.parametrize("lanes", Lanes)
def test_a_carry_goes_on_while_the_result_waits(lanes, valid):
    """All segments are ones, 1 is added, and the next word, which waits, has lanes of another width."""
    quire = SegmentedQuire(stages=0)

    async def bench(ctx):
        ctx.set(quire.o.ready, 0)
        ctx.set(quire.i.valid, 1)
        for value, first, last in (((1 << 128) - 1, 1, 0), (1, 0, 1)):
            ctx.set(quire.i.p, {"value": value, "lanes": Lanes.ONE, "first": first, "last": last})
            await ctx.tick()
        ctx.set(quire.i.valid, valid)
        ctx.set(quire.i.p, {"value": 5, "lanes": lanes, "first": 1, "last": 1})
        for _ in range(4):
            assert ctx.get(quire.o.valid)
            assert hex(ctx.get(quire.o.p)) == hex(0)
            await ctx.tick()

    simulate(quire, bench)
