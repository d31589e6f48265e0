"""Models that come with Tilewright: names, descriptions, and the one with weights on the shipped systems."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.models import llama, load_model, model_names
from tilewright.mapping.models.load import MODELS, shipped_folder
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.precision.quantisation import quantise_weights
from tilewright.sim.config import load_system
from tilewright.sim.graph.precision import Precision

NAME = "slate-132k"


def test_a_shipped_model_with_weights_is_read_by_its_name():
    assert NAME in model_names()
    found = read_model(NAME)
    assert found.model == load_model(NAME)
    assert found.path == shipped_folder(NAME) == MODELS / NAME
    tied = {name: each for name, each in found.tensors.items() if name != "lm_head.weight"}
    assert sum(each.size for each in tied.values()) == found.model.parameters == 131_520
    assert (found.path / "model.safetensors").stat().st_size < 400_000


def test_a_shipped_description_has_no_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^model = 'llama-3\.2-1b' is not allowed here: it comes without weights"):
        read_model("llama-3.2-1b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("three plus sevn is", r"^'sevn' is not allowed: the tokenizer has no token for it \(did you mean 'seven'\?\)$"),
        ("zzzz", r"^'zzzz' is not allowed: .* \(one of: \., <end>, \?, anna, apples,"),
    ],
)  # fmt: skip
def test_a_word_that_is_no_token_is_named(text, message):
    with pytest.raises(ConfigError, match=message):
        read_model(NAME).tokenizer.encode(text)


@pytest.mark.parametrize("system", ["nano", "tiny", "small"])
def test_no_size_is_padded_on_the_small_presets(system):
    config = load_system(system).accelerator
    model = load_model(NAME)
    graph = llama.decode(model, 3, Precision.of(config.cim.tile, config.vector.lanes))
    assert with_padded_heads(config, graph) == graph
    for size in (model.hidden_size, model.intermediate_size, model.vocab_size, model.attention_size):
        assert size % config.cim.columns == 0
        assert size % config.cim.rows == 0


def test_weights_are_numbers_of_int4():
    """The presets with INT4 weights store the very weights of the file."""
    tile = load_system("tiny").cim.tile
    for name, values in read_model(NAME).tensors.items():
        if values.ndim == 2:
            assert (quantise_weights(values.T, Precision.of(tile)).values == values.T).all(), name
            assert np.unique(values).size > 15
