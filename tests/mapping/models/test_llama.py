"""The graph of a Llama-style decoder: operators, their shapes, multiply-accumulates and bytes."""

from collections import Counter

import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models import load_model
from tilewright.mapping.models.llama import decode, prefill, tokens_graph
from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Engine, Kind
from tilewright.sim.graph.precision import Precision

LLAMA = load_model("llama-3.2-1b")
INT4 = Precision(weights=stored.INT4, cache=stored.INT4)


def test_parameters_are_the_published_ones():
    # Meta's model card says 1.23B; the checkpoint holds 1,235,814,400 bfloat16 parameters.
    assert LLAMA.parameters == 1_235_814_400
    # Seven matrices of a decoder layer: shared reference of public mappers.
    assert LLAMA.layer_parameters - 2 * 2048 == 60_817_408


def test_a_decode_step_multiplies_by_every_matrix_once():
    work = decode(LLAMA, 1024, INT4)
    matmuls = work.of(Kind.MATMUL)
    assert sum(op.k * op.n for op in matmuls) == 16 * 60_817_408 + 2048 * 128256
    attention = 16 * 2 * 32 * 64 * 1024
    assert work.macs == 16 * 60_817_408 + 2048 * 128256 + attention


def test_bytes_of_a_decode_step():
    work = decode(LLAMA, 1024, INT4)
    weights = (16 * 60_817_408 + 2048 * 128256) // 2
    columns = 16 * (2 * 2048 + 2 * 512 + 2 * 8192 + 2048) + 128256
    norms = 33 * 2048
    cache = 16 * 2 * 1025 * (512 // 2 + 8 * 2)  # read 1024 positions, write one, with a scale for each head
    embedding = 2048 // 2 + 2
    assert work.dram_bytes == weights + 2 * columns + 2 * norms + cache + embedding
    grouped = decode(LLAMA, 1024, Precision(weights=stored.INT4, cache=stored.INT4, group=32))
    # A byte for 16 of weights.
    assert grouped.dram_bytes - work.dram_bytes == weights / 16


def test_every_operator_of_a_layer_is_there_and_follows_its_inputs():
    graph = decode(LLAMA, 7, INT4)
    names = Counter(operator.name.removeprefix("model.layers.3.") for operator in graph if operator.layer == 3)
    assert set(names) == {
        "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.rope_q",
        "self_attn.rope_k", "cache.keys", "cache.values", "self_attn.scores", "self_attn.softmax",
        "self_attn.weighted_sum", "mixed", "self_attn.o_proj", "self_attn.add", "post_attention_layernorm",
        "mlp.gate_proj", "mlp.up_proj", "mlp.gated", "mlp.down_proj", "mlp.add",
    }  # fmt: skip
    assert set(names.values()) == {1}
    # That names are unique and follow their inputs, the graph checks. Every result is used.
    assert [operator.name for operator in graph if not graph.readers(operator.name)] == ["sampling"]


def test_engines_of_operators():
    graph = decode(LLAMA, 7, INT4)
    engines = {operator.kind: operator.engine for operator in graph}
    assert {kind for kind, engine in engines.items() if engine is Engine.HOST} == {Kind.EMBED, Kind.SAMPLE}
    assert {kind for kind, engine in engines.items() if engine is Engine.CIM_ARRAY} == {
        Kind.MATMUL, Kind.SCORES, Kind.WEIGHTED_SUM
    }  # fmt: skip
    assert all((operator.engine is Engine.CIM_ARRAY) == (operator.macs > 0) for operator in graph)


def test_query_heads_share_their_key_head():
    scores = decode(LLAMA, 100, INT4).of(Kind.SCORES)[0]
    assert (scores.heads, scores.m, scores.k, scores.n) == (8, 4, 64, 100)
    assert scores.macs == 32 * 64 * 100


def test_a_prompt_in_chunks_multiplies_as_often_by_weights_as_all_at_once():
    def linear(graph):
        return sum(operator.macs for operator in graph.of(Kind.MATMUL))

    chunks = [
        tokens_graph(LLAMA, INT4, tokens=min(32, 100 - start), position=start, capacity=100, logits=start == 96)
        for start in range(0, 100, 32)
    ]
    assert linear(prefill(LLAMA, 100, INT4)) == sum(map(linear, chunks)) == 100 * 16 * 60_817_408 + 2048 * 128256
    assert [len(graph.of(Kind.LOGITS)) for graph in chunks] == [0, 0, 0, 1]
    # A chunk attends to what came before it, not to what is still to come.
    assert [graph.of(Kind.SCORES)[0].n for graph in chunks] == [32, 64, 96, 100]


def test_the_causal_mask_hides_later_tokens():
    softmax = prefill(LLAMA, 5, INT4).of(Kind.SOFTMAX)[0]
    assert softmax.elements == 32 * (1 + 2 + 3 + 4 + 5)
    later = tokens_graph(LLAMA, INT4, tokens=2, position=3, capacity=5, logits=False).of(Kind.SOFTMAX)[0]
    assert later.elements == 32 * (4 + 5)


@pytest.mark.parametrize("context", [0, -1, 131073])
def test_a_context_the_model_has_no_room_for(context):
    with pytest.raises(ConfigError, match=f"context = {context} is not allowed: it must be 1 to"):
        decode(LLAMA, context, INT4)
