from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.base.errors import ConfigError
from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.machine.cim.array import ArrayModel, parts
from tilewright.sim.machine.cim.tile import TileModel
from tilewright.sim.machine.memory.timed_memory import TimedMemory

MACRO = MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8)
TILE = TileConfig(macro=MACRO, accumulator_vectors=64)
SCALED = TILE.replace(grid_rows=4, group_scale="uint8", group_rows=32)
FOUR = CIMArrayConfig(tiles=4, tile=TILE)


def cycles(config: CIMArrayConfig, *commands: ArrayCommand, **timing: int) -> int:
    return ArrayModel(config, TimedMemory(**timing), TimedMemory()).run(commands)


def test_a_block_is_spread_over_the_tiles():
    assert [part.columns for part in parts(FOUR, 16, 40, False)] == [slice(0, 16), slice(16, 32), slice(32, 40)]
    assert [part.rows for part in parts(FOUR, 40, 16, True)] == [slice(0, 16), slice(16, 32), slice(32, 40)]
    assert [part.shape for part in parts(FOUR, 5, 7, True)] == [(5, 7)]


def test_one_block_takes_the_sum_of_its_steps():
    seen = 1
    fetched = seen + 1 + 4 * 16 - 1  # the words of four parts, one a cycle; requests keep ahead of them
    loaded = fetched + 1 + 1
    tree = 2  # four tiles are added in two steps, whatever the mode
    first_word = loaded + TILE.latency + tree
    assert cycles(FOUR, ArrayCommand(rows=16, columns=64)) == first_word + 32
    assert cycles(FOUR, ArrayCommand(rows=64, columns=16, reduce=True)) == first_word + 8


def test_scales_come_before_the_rows_of_their_part():
    config = CIMArrayConfig(tiles=2, tile=SCALED)
    plain = CIMArrayConfig(tiles=2, tile=TILE.replace(grid_rows=4))
    command = ArrayCommand(rows=64, columns=32)
    scales = 2 * 2 * 2  # two tiles, two groups, 16 scales in two words
    stages = 1 + 1 + 1 - 2  # within groups, scaling, over groups; instead of two
    assert cycles(config, command) - cycles(plain, command) == scales + stages


def test_a_bank_with_scales_is_free_once_they_have_been_used():
    command = ArrayCommand(rows=64, columns=16, emit=False)
    tile = SCALED.replace(weight_bus_bits=64)
    gap = tile.release_latency
    assert gap == tile.macro.latency + 1 - 1  # one step within groups
    for latency in (60, 90):  # more than the loading of another block hides
        config = CIMArrayConfig(tiles=1, tile=tile)
        without = config.replace(tile=tile.replace(group_scale="none", group_rows=0))
        per_block = [
            (cycles(c, *[command] * 41, latency=latency) - cycles(c, *[command] * 21, latency=latency)) / 20
            for c in (config, without)
        ]
        # Of two blocks one after the other in a bank: the words of the scales, and the wait.
        assert 2 * (per_block[0] - per_block[1]) == 4 + gap


@given(
    st.sampled_from([TILE, SCALED]),
    st.lists(st.tuples(st.integers(1, 16), st.integers(1, 16), st.integers(1, 40), st.booleans()), min_size=1, max_size=5),
    st.integers(1, 60),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_an_array_of_one_tile_is_that_tile(tile, shapes, latency):
    program = [TileCommand(rows=r, columns=c, vectors=v, emit=e) for r, c, v, e in shapes]
    expected = TileModel(tile, TimedMemory(latency=latency), TimedMemory()).run(program)
    for reduce in (False, True):
        same = [ArrayCommand(**asdict(command), reduce=reduce) for command in program]
        assert cycles(CIMArrayConfig(tiles=1, tile=tile), *same, latency=latency) == expected


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (ArrayCommand(rows=17, columns=1), "rows = 17 is not allowed: it must be 1 to 16"),
        (ArrayCommand(rows=65, columns=1, reduce=True), "rows = 65 is not allowed: it must be 1 to 64"),
        (ArrayCommand(rows=1, columns=65), "columns = 65"),
        (ArrayCommand(rows=1, columns=17, reduce=True), "columns = 17"),
        (replace(ArrayCommand(rows=1, columns=1), emit=False, slot=64), "slot = 64"),
    ],
)
def test_what_the_array_refuses_the_model_refuses(command, message):
    with pytest.raises(ConfigError, match=message):
        cycles(FOUR, command)


@pytest.mark.parametrize(
    ("tiles", "tile", "message"),
    [
        (257, TILE, "tiles = 257 is not allowed: with 16 rows each they have more than 4096"),
        (2, TILE.replace(accumulator_vectors=65536), "tile.accumulator_vectors = 65536 is not allowed"),
        (4, TILE.replace(accumulator_bits=16, result_bus_bits=64),
         "tile.accumulator_bits = 16 is not allowed: the sum over 4 tiles needs 18"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be(tiles, tile, message):
    with pytest.raises(ValueError, match=message):
        CIMArrayConfig(tiles=tiles, tile=tile)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group_rows": 32}, "group_rows = 32 is not allowed: with group_scale = none it must be 0"),
        ({"group_scale": "uint8"}, "group_rows = 0 is not allowed: with group_scale = uint8 it must be 32, 64 or 128"),
        ({"group_scale": "uint8", "group_rows": 32, "grid_rows": 3}, "it must divide the 48 rows of the tile"),
        ({"group_scale": "uint8", "group_rows": 32, "macro": MACRO.replace(rows=64)}, "a macro of 64 rows must divide"),
        ({"group_scale": "e8m0", "group_rows": 32, "max_shift": 31}, "accumulator_bits = 32 is not allowed: .* needs 47"),
        ({"macro": {**MACRO.model_dump(), "weight_bits": 8, "weight_format": "fp4_e2m1"}}, "weight_bits = 8 is not allowed"),
    ],
)  # fmt: skip
def test_scales_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        TILE.replace(**change)


def test_accumulators_hold_the_largest_sums():
    for scale, factor in (("uint8", 255), ("e8m0", 2**7)):
        tile = TILE.replace(
            macro=MACRO.replace(weight_format="fp4_e2m1"), group_scale=scale, group_rows=32, max_shift=7
        )
        rows = tile.max_accumulated_rows
        assert rows * 12 * 128 * factor < 1 << tile.accumulator_bits - 1
        assert (rows + 1) * 12 * 128 * factor >= (1 << tile.accumulator_bits - 1) - 1
        assert tile.rows * 12 * 128 * factor < 1 << tile.sum_bits - 1
