"""Configurations of models as their files have them."""

import json

import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models import llama, load_model
from tilewright.mapping.models.load import MODELS
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision


def test_older_files_leave_out_what_follows_from_the_rest(tmp_path):
    config = json.loads((MODELS / "llama-3.2-1b.json").read_text())
    for key in ("num_key_value_heads", "head_dim"):
        del config[key]
    config["rope_scaling"] = None
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = load_model(tmp_path)
    assert (model.num_key_value_heads, model.head_dim) == (32, 64)


def test_constants_of_norms_and_rotary_embedding_are_those_of_the_file(tmp_path):
    config = json.loads((MODELS / "llama-3.2-1b.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.25, "rope_theta": 1234}))
    model = load_model(tmp_path)
    graph = llama.decode(model, 3, Precision())
    assert {operator.epsilon for operator in graph.of(Kind.RMS_NORM)} == {0.25}
    assert {table.rotary for table in graph.of(Kind.CONSTANT)} == {model.rope_scaling.rotary(1234, 64, 3, 131072)}
    # As transformers does without them.
    for key in ("rms_norm_eps", "rope_theta"):
        del config[key]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert (load_model(tmp_path).rms_norm_eps, load_model(tmp_path).rope_theta) == (1e-6, 10000)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"hidden_size": 2048', '"hidden_size": -2048', ":5: hidden_size = -2048 is not allowed: input should be greater"),
        ('"num_hidden_layers": 16,', "", ": 'num_hidden_layers' is missing"),
        ('"num_key_value_heads": 8', '"num_key_value_heads": 5', ":9: num_key_value_heads = 5 is not allowed: it must divide"),
        ('"model_type": "llama"', '"model_type": "gpt9"', ":3: model_type = 'gpt9' is not allowed (one of: bert, gemma, gemma2, gemma3_text, granite, llama, mistral, phi3,"),
        ('"vocab_size": 128256', '"vocab_size": "many"', ":4: vocab_size = 'many' is not allowed"),
        ('"vocab_size": 128256', '"vocab_size": 1e400', ":4: vocab_size = 1e400 is not allowed: it must be a finite number"),
        ('"head_dim": 64', '"head_dim": 63', ":10: head_dim = 63 is not allowed"),
        ('"rms_norm_eps": 1e-05', '"rms_norm_eps": 0', ":15: rms_norm_eps = 0 is not allowed: input should be greater"),
        ('"rope_theta": 500000.0', '"rope_theta": NaN', ":23: rope_theta = NaN is not allowed: it must be a finite number"),
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
