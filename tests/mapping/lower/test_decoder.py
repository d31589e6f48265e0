"""Decoder layers as steps: prompt and single tokens over a cache, against float64."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.vector_accuracy import DECODERS, run_decoder
from tilewright.mapping.lower.decoder import DecoderShape, decoder_constants, lower_decoder
from tilewright.mapping.lower.lowering import Arithmetic
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.isa.steps import Product
from tilewright.sim.machine.steps import empty_memory, load, run_steps, store

SMALL = DecoderShape(hidden=32, heads=4, kv_heads=2, head=8, ffn=48)


@pytest.mark.parametrize(("name", "shape"), DECODERS, ids=[name for name, _ in DECODERS])
@pytest.mark.parametrize(
    ("arithmetic", "least"), [(Arithmetic(), 0.9995), (Arithmetic(weights="int4", group=32), 0.98)]
)
def test_prompt_and_tokens_come_near_to_float64_and_to_each_other(name, shape, arithmetic, least):
    run = run_decoder(shape, arithmetic)
    assert run.prompt >= least
    assert run.decoded >= least
    assert run.equal, "a token has other bits than in a prompt"


@pytest.mark.parametrize("changes", [{"theta": 100.0}, {"epsilon": 1.0}, {"head_norm": True}, {"biases": True}])
def test_options_change_the_result(changes):
    shape = replace(SMALL, **changes)
    tensors = seeded_decoder(replace(SMALL, head_norm=True, biases=True), layers=1, seed=3)
    x = np.random.default_rng(1).standard_normal((6, 32))

    def output(each: DecoderShape) -> np.ndarray:
        steps = lower_decoder(each, 6, 0, 1, Arithmetic(), capacity=6)
        contents = decoder_constants(each, tensors, 1, Arithmetic(), capacity=6)
        assert sorted(contents) == sorted(steps.constants)
        memory = empty_memory(steps.buffers.values(), contents)
        store(memory, steps.input, x)
        run_steps(steps.steps, memory, lanes=8)
        return load(memory, steps.output)

    assert np.abs(output(shape) - output(SMALL)).max() > 0.01


def test_a_later_token_changes_no_earlier_one():
    tensors = seeded_decoder(SMALL, layers=2, seed=3)
    contents = decoder_constants(SMALL, tensors, 2, Arithmetic(), capacity=8)
    steps = lower_decoder(SMALL, 8, 0, 2, Arithmetic(), capacity=8)
    outputs = []
    for last in (1.0, -5.0):
        x = np.random.default_rng(1).standard_normal((8, 32))
        x[7] *= last
        memory = empty_memory(steps.buffers.values(), contents)
        store(memory, steps.input, x)
        run_steps(steps.steps, memory, lanes=8)
        outputs.append(load(memory, steps.output))
    assert (outputs[0][:7] == outputs[1][:7]).all()
    assert (outputs[0][7] != outputs[1][7]).any()


def test_heads_that_share_keys_go_together_in_a_single_token():
    prompt = lower_decoder(SMALL, 3, 0, 1, Arithmetic(), capacity=8)
    token = lower_decoder(SMALL, 1, 3, 1, Arithmetic(), capacity=8)

    def scores(steps: tuple) -> list[tuple[int, int]]:
        return [(s.a.rows, s.out.columns) for s in steps if isinstance(s, Product) and s.transposed]

    assert scores(prompt.steps) == [(3, 3)] * SMALL.heads
    assert scores(token.steps) == [(SMALL.heads // SMALL.kv_heads, 4)] * SMALL.kv_heads
    assert token.states == prompt.states
    assert all(token.buffers[name] == prompt.buffers[name] for name in token.states + token.constants)


def test_a_full_cache_is_refused():
    with pytest.raises(ValueError, match="capacity = 8 is not enough for 2 tokens behind 7"):
        lower_decoder(SMALL, 2, 7, 1, Arithmetic(), capacity=8)
