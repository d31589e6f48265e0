import json
from collections import Counter

import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models import Kind, Precision, decode, load_model, prefill
from tilewright.mapping.models.config import MODELS

LLAMA = load_model("llama-3.2-1b")
INT4 = Precision(weights="int4", cache="int4")


def test_parameters_are_the_published_ones():
    # Meta's model card says 1.23B; the checkpoint holds 1,235,814,400 bfloat16 parameters.
    assert LLAMA.parameters == 1_235_814_400
    # Seven matrices of a decoder layer: shared reference of public mappers.
    assert LLAMA.layer_parameters - 2 * 2048 == 60_817_408


def test_a_decode_step_multiplies_by_every_matrix_once():
    work = decode(LLAMA, 1024, INT4)
    matmuls = [op for op in work.operators if op.kind is Kind.MATMUL]
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
    grouped = decode(LLAMA, 1024, Precision(weights="int4", cache="int4", group=32))
    # A byte for 16 of weights.
    assert grouped.dram_bytes - work.dram_bytes == weights / 16


def test_every_operator_of_a_layer_is_there_and_follows_its_inputs():
    work = decode(LLAMA, 7, INT4)
    steps = Counter(op.step for op in work.operators if op.layer == 3)
    assert set(steps) == {
        "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.rope_q",
        "self_attn.rope_k", "self_attn.append_k", "self_attn.append_v", "self_attn.scores", "self_attn.softmax",
        "self_attn.weighted_sum", "self_attn.o_proj", "self_attn.add", "post_attention_layernorm",
        "mlp.gate_proj", "mlp.up_proj", "mlp.silu_multiply", "mlp.down_proj", "mlp.add",
    }  # fmt: skip
    assert set(steps.values()) == {1}
    seen: set[str] = set()
    for op in work.operators:
        assert op.name not in seen
        assert seen.issuperset(op.inputs), op
        seen.add(op.name)
    # Everything but the logits and the cache is used.
    used = {name for op in work.operators for name in op.inputs}
    assert seen - used == {"lm_head"}


def test_query_heads_share_their_key_head():
    scores = next(op for op in decode(LLAMA, 100, INT4).operators if op.kind is Kind.SCORES)
    assert (scores.heads, scores.m, scores.k, scores.n) == (8, 4, 64, 100)
    assert scores.macs == 32 * 64 * 100


def test_prefill_in_runs_does_what_it_does_at_once():
    whole, runs = prefill(LLAMA, 100, INT4, chunk=100), prefill(LLAMA, 100, INT4, chunk=32)
    linear = lambda work: sum(op.macs for op in work.operators if op.kind is Kind.MATMUL)  # noqa: E731
    assert linear(whole) == linear(runs) == 100 * 16 * 60_817_408 + 2048 * 128256
    assert [op.step for op in runs.operators].count("embed_tokens") == 4
    assert [op.step for op in runs.operators].count("lm_head") == 1
    assert len({op.name for op in runs.operators}) == len(runs.operators)
    # A run attends to what came before it, not to what is still to come.
    attended = [op.n for op in runs.operators if op.kind is Kind.SCORES and op.layer == 0]
    assert attended == [32, 64, 96, 100]


def test_older_files_leave_out_what_follows_from_the_rest(tmp_path):
    config = json.loads((MODELS / "llama-3.2-1b.json").read_text())
    for key in ("num_key_value_heads", "head_dim"):
        del config[key]
    config["rope_scaling"] = None
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = load_model(tmp_path)
    assert (model.num_key_value_heads, model.head_dim) == (32, 64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"hidden_size": 2048', '"hidden_size": -2048', ":5: hidden_size = -2048 is not allowed: input should be greater"),
        ('"num_hidden_layers": 16,', "", ": 'num_hidden_layers' is missing"),
        ('"num_key_value_heads": 8', '"num_key_value_heads": 5', ":9: num_key_value_heads = 5 is not allowed: it must divide"),
        ('"model_type": "llama"', '"model_type": "gpt9"', ":3: model_type = 'gpt9' is not allowed: input should be 'llama'"),
        ('"vocab_size": 128256', '"vocab_size": "many"', ":4: vocab_size = 'many' is not allowed"),
        ('"vocab_size": 128256', '"vocab_size": 1e400', ":4: vocab_size = inf is not allowed"),
        ('"head_dim": 64', '"head_dim": 63', ":10: head_dim = 63 is not allowed"),
        ('"hidden_act": "silu"', '"hidden_act": "gelu"', ":11: hidden_act = 'gelu' is not allowed"),
    ],
)  # fmt: skip
def test_a_bad_model_file_is_refused_in_one_line(tmp_path, old, new, message):
    text = (MODELS / "llama-3.2-1b.json").read_text()
    assert old in text
    file = tmp_path / "config.json"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_model(file)
    assert f"{file}{message}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "3", '{"model_type": "llama", "hidden_s', "\ufeff"])
def test_a_cut_off_or_foreign_file_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "config.json"
    file.write_text(content)
    with pytest.raises(ConfigError) as error:
        load_model(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["lama-3.2-1b", "nothing/config.json", "nothing"])
def test_a_model_that_is_not_there(name):
    with pytest.raises(ConfigError, match=r"llama-3\.2-1b|cannot be read"):
        load_model(name)


@pytest.mark.parametrize("context", [0, -1, 131073])
def test_a_context_the_model_has_no_room_for(context):
    with pytest.raises(ConfigError, match=f"context = {context} is not allowed: it must be 1 to"):
        decode(LLAMA, context, INT4)
