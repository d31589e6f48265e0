"""The two loaders of a tile: what they ask for, when, and what becomes of the answers."""

import random

from tests.hw.simulate import simulate
from tilewright.hw.cim.activation_loader import ActivationLoader
from tilewright.hw.cim.weight_loader import WeightLoader
from tilewright.sim.config import MacroConfig, TileConfig

CONFIG = TileConfig(
    macro=MacroConfig(rows=4, columns=16, weight_bits=4, input_bits=8),
    grid_rows=2,
    grid_columns=2,
    weight_bus_bits=32,
    activation_bus_bits=32,
    input_buffer_vectors=3,
)


def test_weights_are_asked_for_while_a_bank_is_free():
    loader = WeightLoader(config=CONFIG)

    async def bench(ctx):
        ctx.set(loader.requests.ready, 1)
        ctx.set(loader.loads.valid, 1)
        ctx.set(loader.loads.p, {"address": 70, "rows": 5, "columns": 9})
        for _ in range(CONFIG.macro.weight_banks):  # one request a cycle
            assert ctx.get(loader.requests.valid)
            assert ctx.get(loader.requests.p.address) == 70
            assert ctx.get(loader.requests.p.beats) == 5 * 2  # 9 weights of 4 bits take two words
            await ctx.tick()
        assert not ctx.get(loader.requests.valid), "both banks are reserved"
        ctx.set(loader.released, 1)
        await ctx.tick()
        ctx.set(loader.released, 0)
        assert ctx.get(loader.requests.valid), "free in the cycle after the release"

    simulate(loader, bench)


def test_a_block_is_written_row_by_row_one_beat_a_cycle():
    loader = WeightLoader(config=CONFIG)
    rows, row_beats = 7, 4
    rng = random.Random(1)
    beats = [rng.getrandbits(32) for _ in range(rows * row_beats)]

    async def bench(ctx):
        ctx.set(loader.requests.ready, 1)
        ctx.set(loader.loads.valid, 1)
        ctx.set(loader.loads.p, {"address": 0, "rows": rows, "columns": 32})
        await ctx.tick()
        ctx.set(loader.loads.valid, 0)
        written = []
        for cycle in range(len(beats) + loader.LATENCY):
            ctx.set(loader.weights.valid, cycle < len(beats))
            ctx.set(loader.weights.p, beats[min(cycle, len(beats) - 1)])
            if cycle < len(beats):
                assert ctx.get(loader.weights.ready)
            # A row is written in the cycle after its last beat; the block counts from then on.
            row_done = cycle > 0 and cycle % row_beats == 0
            assert ctx.get(loader.write_enable) == ((1 << ((cycle // row_beats - 1) // 4)) if row_done else 0)
            if row_done:
                written.append((ctx.get(loader.write_row), ctx.get(loader.write_data)))
            assert ctx.get(loader.loaded) == (cycle == len(beats) - 1)
            await ctx.tick()
        for row, (index, data) in enumerate(written):
            assert index == row % 4
            words = beats[row * row_beats : (row + 1) * row_beats]
            assert data == sum(word << (32 * i) for i, word in enumerate(words))
        assert len(written) == rows
        assert not ctx.get(loader.weights.ready), "nothing more was asked for"

    simulate(loader, bench)


def planes(vector: list[int]) -> int:
    """The vector as bit planes, the least significant lowest."""
    return sum(
        ((value >> bit) & 1) << (bit * len(vector) + row) for row, value in enumerate(vector) for bit in range(8)
    )


def test_vectors_are_asked_for_while_the_buffer_has_room_and_padding_is_zero():
    loader = ActivationLoader(config=CONFIG)
    rng = random.Random(2)

    async def bench(ctx):
        ctx.set(loader.requests.ready, 1)
        ctx.set(loader.fetches.valid, 1)
        ctx.set(loader.fetches.p, {"address": 100, "rows": 6, "vectors": 4})
        for vector in range(CONFIG.input_buffer_vectors):
            assert ctx.get(loader.requests.valid)
            assert ctx.get(loader.requests.p) == {"address": 100 + 2 * vector, "beats": 2}
            await ctx.tick()
        assert not ctx.get(loader.requests.valid), "the buffer is reserved"

        vectors = [[rng.getrandbits(8) for _ in range(8)] for _ in range(3)]
        for index, vector in enumerate(vectors):
            for beat in range(2):
                # Word by word, a beat a cycle; elements 6 and 7 are padding, and not zero on the bus.
                ctx.set(loader.activations.valid, 1)
                ctx.set(loader.activations.p, int.from_bytes(bytes(vector[4 * beat : 4 * beat + 4]), "little"))
                assert ctx.get(loader.activations.ready)
                assert ctx.get(loader.available) == (index > 0), "counts in the cycle after its last beat"
                await ctx.tick()
        ctx.set(loader.activations.valid, 0)
        for vector in vectors:
            # The last of them is read while it is being written.
            assert ctx.get(loader.available)
            ctx.set(loader.take, 1)
            await ctx.tick()
            ctx.set(loader.take, 0)
            assert ctx.get(loader.vector) == planes([*vector[:6], 0, 0])
        assert not ctx.get(loader.available)

    simulate(loader, bench)


def test_a_place_is_free_in_the_cycle_after_its_vector_is_taken():
    loader = ActivationLoader(config=CONFIG)

    async def bench(ctx):
        ctx.set(loader.requests.ready, 1)
        ctx.set(loader.fetches.valid, 1)
        ctx.set(loader.fetches.p, {"address": 0, "rows": 1, "vectors": 9})
        ctx.set(loader.activations.valid, 1)
        await ctx.tick()
        for _ in range(CONFIG.input_buffer_vectors):
            await ctx.tick()
        assert not ctx.get(loader.requests.valid)
        ctx.set(loader.take, 1)
        await ctx.tick()
        ctx.set(loader.take, 0)
        assert ctx.get(loader.requests.valid)

    simulate(loader, bench)
