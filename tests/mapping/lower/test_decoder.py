"""Decoder layers as steps: prompt and single tokens over a cache, against float64."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.vector_accuracy import DECODERS, run_decoder
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Pass, Product
from tilewright.sim.isa.vector_command import Function
from tilewright.sim.machine.steps import empty_memory, load, run_steps, store

SMALL = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=32,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    intermediate_size=48,
)


@pytest.mark.parametrize(("name", "model"), DECODERS, ids=[name for name, _ in DECODERS])
@pytest.mark.parametrize(
    ("precision", "least"), [(Precision(), 0.9995), (Precision(weights=stored.INT4, group=32), 0.98)]
)
def test_prompt_and_tokens_come_near_to_float64_and_to_each_other(name, model, precision, least):
    run = run_decoder(model, precision)
    assert run.prompt >= least
    assert run.decoded >= least
    assert run.equal, "a token has other bits than in a prompt"


@pytest.mark.parametrize(
    "changes", [{"rope_theta": 100.0}, {"rms_norm_eps": 1.0}, {"qk_norm": True}, {"qkv_bias": True}]
)
def test_options_change_the_result(changes):
    model = SMALL.replace(**changes)
    tensors = seeded_decoder(SMALL.replace(qk_norm=True, qkv_bias=True), seed=3)
    x = np.random.default_rng(1).standard_normal((6, 32))

    def output(each: LlamaConfig) -> np.ndarray:
        steps = lower(llama.layers(each, Precision(), tokens=6, capacity=6))
        contents = constant_contents(llama.layers(each, Precision(), tokens=1, capacity=6), tensors)
        assert sorted(contents) == sorted(steps.constants)
        memory = empty_memory(steps.buffers.values(), contents)
        store(memory, steps.input, x)
        run_steps(steps.steps, memory, lanes=8)
        return load(memory, steps.output)

    assert np.abs(output(model) - output(SMALL)).max() > 0.01


def test_a_later_token_changes_no_earlier_one():
    model = SMALL.replace(num_hidden_layers=2)
    tensors = seeded_decoder(model, seed=3)
    contents = constant_contents(llama.layers(model, Precision(), tokens=1, capacity=8), tensors)
    steps = lower(llama.layers(model, Precision(), tokens=8, capacity=8))
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
    prompt = lower(llama.layers(SMALL, Precision(), tokens=3, capacity=8))
    token = lower(llama.layers(SMALL, Precision(), tokens=1, position=3, capacity=8))

    def scores(steps: tuple) -> list[tuple[int, int]]:
        return [(s.a.rows, s.out.columns) for s in steps if isinstance(s, Product) and s.transposed]

    assert scores(prompt.steps) == [(3, 3)] * SMALL.num_attention_heads
    assert (
        scores(token.steps) == [(SMALL.num_attention_heads // SMALL.num_key_value_heads, 4)] * SMALL.num_key_value_heads
    )
    assert token.states == prompt.states
    assert all(token.buffers[name] == prompt.buffers[name] for name in token.states + token.constants)


def test_a_full_cache_is_refused():
    with pytest.raises(ValueError, match="capacity = 8 is not enough for 2 tokens after 7"):
        lower(llama.layers(SMALL, Precision(), tokens=2, position=7, capacity=8))


def test_each_operator_has_a_precision_of_its_own():
    model = SMALL.replace(num_hidden_layers=2)
    graph = llama.layers(model, Precision(), tokens=3, capacity=4)
    name = llama.layer_name(1, "mlp.up_proj")
    plan = Graph(
        tuple(
            replace(operator, precision=Precision(weights=stored.INT4)) if operator.name == name else operator
            for operator in graph
        )
    )
    tensors = seeded_decoder(model, seed=3)
    contents = constant_contents(plan, tensors)
    differ = {key for key, values in constant_contents(graph, tensors).items() if (values != contents[key]).any()}
    assert differ == {f"{name}.codes", f"{name}.columns"}
    assert np.abs(contents[f"{name}.codes"]).max() <= 8
    lowered = lower(plan)
    assert [key for key, buffer in lowered.buffers.items() if buffer.storage == stored.INT4] == [f"{name}.codes"]


def test_steps_serve_the_operators_of_their_results():
    lowered = lower(llama.layers(SMALL, Precision(), tokens=3, capacity=4))
    kinds = {step.operator.kind for step in lowered.steps if isinstance(step, Product)}
    assert kinds == {Kind.MATMUL, Kind.SCORES, Kind.WEIGHTED_SUM}
    exponentials = [step for step in lowered.steps if isinstance(step, Pass) and step.options.function is Function.EXP]
    assert {step.operator.kind for step in exponentials} == {Kind.SOFTMAX}
