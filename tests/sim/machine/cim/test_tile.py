from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.base.errors import ConfigError
from tilewright.sim.config import MacroConfig, TileConfig
from tilewright.sim.isa.cim_command import TileCommand
from tilewright.sim.machine.cim.tile import TileModel
from tilewright.sim.machine.memory.timed_memory import TimedMemory

TILE = TileConfig(macro=MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8))
BLOCK = TileCommand(rows=16, columns=16)


def cycles(config: TileConfig, commands: list[TileCommand], **timing) -> int:
    memories = TimedMemory(**timing), TimedMemory()
    return TileModel(config, *memories).run(commands)


def test_one_block_takes_the_sum_of_its_steps():
    seen = 1  # taken in cycle 0, seen by the weight loader in cycle 1, the request accepted in it
    fetched = seen + 1 + 16 - 1  # sixteen words, the first fetched in the cycle after
    loaded = fetched + 1 + 1  # a cycle through the memory, usable in the next
    first_word = loaded + TILE.latency
    last_word = first_word + 8 - 1  # sixteen results, two a word
    assert cycles(TILE, [BLOCK]) == last_word + 1


def test_loads_hide_behind_one_another():
    # Weight words, one a cycle, decide; everything else adds once.
    assert cycles(TILE, [BLOCK] * 40) - cycles(TILE, [BLOCK] * 20) == 20 * 16


def test_latency_is_paid_once_while_a_bank_is_always_loading():
    # A bank is asked for again 9 cycles after its block could be used: 8 slices, 1 to the request. Of the 16
    # cycles of the next block's words 7 are left for the latency.
    assert cycles(TILE, [BLOCK] * 40, latency=7) - cycles(TILE, [BLOCK] * 40) == 6
    assert cycles(TILE, [BLOCK] * 40, latency=9) - cycles(TILE, [BLOCK] * 40) > 40


def test_vectors_follow_at_the_initiation_interval():
    many = replace(BLOCK, vectors=1000, emit=False)
    more = replace(many, vectors=1001)
    big = TILE.replace(accumulator_vectors=2000)
    assert cycles(big, [more]) - cycles(big, [many]) == TILE.macro.slices


def unhurried(model: TileModel) -> TileModel:
    """Return a model that takes no shortcut over equal vectors: no state is ever seen again."""
    assert callable(model._state)
    model._state = lambda now, emit: (now,)  # type: ignore[method-assign]
    return model


def counted(model: TileModel) -> list[tuple[int, ...]]:
    """Return a list that gets the arguments of each read of activations."""
    reads = []
    read = model.activation_memory.read

    def reading(*arguments: int) -> tuple[int, int]:
        reads.append(arguments)
        return read(*arguments)

    model.activation_memory.read = reading  # type: ignore[method-assign]
    return reads


shapes = st.builds(
    lambda bits, depth, buffer, bus: TileConfig(
        macro=MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8, input_bits_per_cycle=bits),
        input_buffer_vectors=depth,
        result_buffer_vectors=buffer,
        activation_bus_bits=bus,
        accumulator_vectors=4096,
    ),
    st.sampled_from([1, 2, 4]),
    st.integers(2, 9),
    st.integers(1, 3),
    st.sampled_from([8, 16, 64]),
)
programs = st.lists(
    st.builds(
        lambda rows, columns, vectors, emit: TileCommand(rows=rows, columns=columns, vectors=vectors, emit=emit),
        st.integers(1, 16),
        st.integers(1, 16),
        st.integers(1, 900),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
timings = st.builds(
    lambda latency, words, more, refresh: SimpleNamespace(
        latency=latency, rate=Fraction(words, words + more), refresh_period=refresh[0], refresh_cycles=refresh[1]
    ),
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(0, 5),
    st.sampled_from([(1, 0), (2, 1), (8, 3), (96, 9), (640, 40)]),
)


@given(shapes, programs, timings, timings)
@settings(max_examples=150, deadline=None)
def test_the_shortcut_over_equal_vectors_is_exact(config, program, weights, activations):
    def model() -> TileModel:
        return TileModel(config, TimedMemory(**vars(weights)), TimedMemory(**vars(activations)))

    quick, slow = model(), unhurried(model())
    for command in program:
        assert quick.step(command) == slow.step(command)


def test_the_shortcut_is_taken_unless_no_state_returns():
    models = [TileModel(TILE.replace(accumulator_vectors=65535), TimedMemory(), TimedMemory()) for _ in range(2)]
    unhurried(models[1])
    reads = [counted(model) for model in models]
    vectors = 6000
    for model in models:
        model.step(replace(BLOCK, vectors=vectors))
    assert len(reads[0]) < 200
    assert len(reads[1]) >= vectors


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (replace(BLOCK, rows=17), "command 0: rows = 17 is not allowed: it must be 1 to 16"),
        (replace(BLOCK, columns=0), "columns = 0"),
        (replace(BLOCK, vectors=0), "vectors = 0"),
        (replace(BLOCK, emit=False, slot=16), "slot = 16"),
        (replace(BLOCK, load=False), "load = False is not allowed: the command before has released"),
    ],
)
def test_what_the_tile_refuses_the_model_refuses(command, message):
    with pytest.raises(ConfigError, match=message):
        TileModel(TILE, TimedMemory(), TimedMemory()).run([command])
