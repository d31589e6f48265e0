"""Scales of groups: banks, and products at their extremes."""

import random

import pytest

from tests.hw.simulate import simulate
from tilewright.hw.cim.group_scales import GroupScales
from tilewright.sim.config import MacroConfig, TileConfig

MACRO = MacroConfig(rows=16, columns=4, weight_bits=8, input_bits=4)


@pytest.mark.parametrize("kind", ["uint8", "e8m0"])
def test_sums_meet_the_scales_of_their_bank_group_and_column(kind):
    config = TileConfig(
        macro=MACRO, grid_rows=4, grid_columns=2, group_scale=kind, group_rows=32, max_shift=7, weight_bus_bits=32,
        activation_bus_bits=64, result_bus_bits=64,
    )  # fmt: skip
    scales = GroupScales(config=config)
    rng = random.Random(4)
    columns, bits, out = config.columns, scales.sum_bits, scales.scaled_bits
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    async def bench(ctx):
        stored = {}
        for bank in range(2):
            for group in range(2):
                for word in range(2):
                    chosen = [rng.choice((0, 255, rng.randrange(256))) for _ in range(4)]
                    data = sum(scale << (8 * i) for i, scale in enumerate(chosen))
                    ctx.set(scales.write, {"enable": 1 << group, "bank": bank, "word": word, "data": data})
                    await ctx.tick()
                    for i, scale in enumerate(chosen):
                        stored[bank, group, 4 * word + i] = scale
        ctx.set(scales.write.enable, 0)
        held = None
        for _ in range(150):
            valid = rng.randrange(3) > 0 or held is None
            bank = rng.randrange(2)
            sums = [rng.choice((low, high, rng.randint(low, high))) for _ in range(2 * columns)]
            ctx.set(scales.bank, bank)
            ctx.set(scales.valid, valid)
            ctx.set(scales.sums, sum((value % (1 << bits)) << (bits * i) for i, value in enumerate(sums)))
            await ctx.tick()
            scaled = ctx.get(scales.scaled)
            if not valid:
                assert scaled == held
                continue
            held = scaled
            for index, value in enumerate(sums):
                scale = stored[bank, *divmod(index, columns)]
                expected = value * scale if kind == "uint8" else value << (scale & 7)
                assert (scaled >> (out * index)) % (1 << out) == expected % (1 << out)
                assert -(1 << out - 1) <= expected < 1 << out - 1

    simulate(scales, bench)
