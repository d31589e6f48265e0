from tests.hw.simulate import simulate
from tilewright.hw.cim.sequencer import Sequencer
from tilewright.sim.config import MacroConfig, TileConfig

CONFIG = TileConfig(
    macro=MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8, input_bits_per_cycle=2),
    result_buffer_vectors=2,
)
SLICES = CONFIG.macro.slices


async def make_ready(ctx, sequencer, *, banks: int = 1) -> None:
    ctx.set(sequencer.available, 1)
    ctx.set(sequencer.loaded, 1)
    for _ in range(banks):
        await ctx.tick()
    ctx.set(sequencer.loaded, 0)


def test_vectors_follow_each_other_without_a_gap_across_commands():
    sequencer = Sequencer(config=CONFIG)

    async def bench(ctx):
        await make_ready(ctx, sequencer, banks=2)
        ctx.set(sequencer.computes.valid, 1)
        for command in range(2):
            ctx.set(sequencer.computes.p, {"vectors": 3, "slot": 10, "release": 1})
            for cycle in range(3 * SLICES):
                vector, index = divmod(cycle, SLICES)
                last = index == SLICES - 1
                assert ctx.get(sequencer.slice_valid)
                assert ctx.get(sequencer.slice_first) == ctx.get(sequencer.take) == (index == 0)
                assert ctx.get(sequencer.slice_last) == last
                assert ctx.get(sequencer.slice_bank) == command
                assert ctx.get(sequencer.vector.slot) == 10 + vector
                assert ctx.get(sequencer.released) == ctx.get(sequencer.computes.ready) == (last and vector == 2)
                await ctx.tick()
        assert not ctx.get(sequencer.slice_valid), "no bank is ready"

    simulate(sequencer, bench)


def test_a_vector_waits_for_its_weights_its_activations_and_room_for_its_results():
    sequencer = Sequencer(config=CONFIG)

    async def bench(ctx):
        ctx.set(sequencer.computes.valid, 1)
        ctx.set(sequencer.computes.p, {"vectors": 9, "emit": 1})
        ctx.set(sequencer.available, 1)
        assert not ctx.get(sequencer.take)
        await make_ready(ctx, sequencer)
        ctx.set(sequencer.available, 0)
        assert not ctx.get(sequencer.take)
        ctx.set(sequencer.available, 1)
        for _ in range(CONFIG.result_buffer_vectors):
            assert ctx.get(sequencer.take)
            for _ in range(SLICES):
                await ctx.tick()
        assert not ctx.get(sequencer.take), "the result buffer is reserved"
        ctx.set(sequencer.result_taken, 1)
        await ctx.tick()
        assert ctx.get(sequencer.take)

    simulate(sequencer, bench)


def test_a_released_bank_is_used_again_only_after_it_was_loaded():
    sequencer = Sequencer(config=CONFIG)

    async def bench(ctx):
        ctx.set(sequencer.computes.valid, 1)
        ctx.set(sequencer.computes.p, {"vectors": 1, "release": 1})
        for _ in range(5):
            await make_ready(ctx, sequencer)
            for _ in range(SLICES):
                assert ctx.get(sequencer.slice_valid)
                await ctx.tick()
            for _ in range(3):
                assert not ctx.get(sequencer.slice_valid), "no bank is ready"
                await ctx.tick()

    simulate(sequencer, bench)
