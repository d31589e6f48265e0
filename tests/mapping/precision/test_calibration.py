"""Tensors that are equalised on typical texts, for the accelerator that reads them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.cli.text_models import write_text_model
from tests.mapping.compile.compiled_runs import accelerator
from tests.mapping.models.stored_models import tensors_of, write_gguf
from tilewright.bench.golden import predict_program
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.llama import DOWN, KEY_OFFSETS, NORM, UP, layer_name
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.precision.calibration import SEED, TEXT, Calibrated, typical_tokens
from tilewright.mapping.precision.equalisation import equalised, offset_names
from tilewright.mapping.writing import Writer
from tilewright.sim.config import load_system
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

PLAIN = {"attention_bias": False, "mlp_bias": False, "rope_scaling": None}


@pytest.fixture
def checkpoint(tmp_path):
    return read_model(write_text_model(tmp_path))


def test_columns_of_eight_bits_are_equalised_and_keys_have_offsets_with_any(checkpoint):
    texts = [typical_tokens(checkpoint.model, checkpoint.tokenizer)]
    expected = equalised(checkpoint.model, checkpoint.tensors, texts)
    eight, four = (Calibrated(checkpoint, load_system(system).accelerator) for system in ("small", "tiny"))
    names = [layer_name(1, f"{part}.weight") for part in (UP, DOWN, NORM)]
    for name in names:
        assert (eight[name] == expected[name]).all()
        assert np.abs(eight[name] / checkpoint.tensors[name] - 1).max() > 0.01
        assert (four[name] == checkpoint.tensors[name]).all()
    for name in offset_names(checkpoint.model):
        assert (eight[name] == expected[name]).all()
        assert eight[name].shape == four[name].shape == (2, 8)
        assert (four[name] != expected[name]).any()
        assert np.abs(eight[name]).max() > 0
    assert (eight.rows(names[1], [5, 0]) == eight[names[1]][[5, 0]]).all()
    assert set(eight) == {*checkpoint.tensors, *offset_names(checkpoint.model)}
    assert len(eight) == len(list(eight))


def test_nothing_runs_before_a_tensor_is_asked_for(checkpoint):
    class Untouched(dict):
        def __getitem__(self, name):
            raise AssertionError(f"{name} is read")

    untouched = replace(checkpoint, tensors=Untouched(dict.fromkeys(checkpoint.tensors)))
    found = Calibrated(untouched, accelerator())
    assert layer_name(0, KEY_OFFSETS) in found
    assert "model.norm.weight" in found
    with pytest.raises(AssertionError, match="is read"):
        found["model.norm.weight"]


def test_typical_tokens_are_those_of_texts_or_random_ones(checkpoint, tmp_path):
    random = np.random.default_rng(SEED).integers(40, size=64).tolist()
    assert typical_tokens(checkpoint.model, None) == random
    # The tokenizer has a handful of words and a token for all others.
    assert typical_tokens(checkpoint.model, checkpoint.tokenizer) == checkpoint.tokenizer.encode(TEXT)[:64]
    shipped = read_model("slate-132k")
    tokens = typical_tokens(shipped.model, shipped.tokenizer)
    assert len(tokens) == min(256, shipped.model.positions)
    assert len(set(tokens)) > 32
    letters = read_model(write_gguf(tmp_path / "m.gguf", tensors_of("llama", **PLAIN)))
    assert typical_tokens(letters.model, letters.tokenizer) == letters.tokenizer.encode(TEXT)[:64]


@pytest.mark.parametrize("system", ["small", "tiny"])
def test_every_program_leaves_the_logits_of_the_steps(checkpoint, system):
    config = load_system(system).accelerator
    tensors = Calibrated(checkpoint, config)
    writer = Writer(config, checkpoint.model, tensors, [7, 3, 22], tokens=2)
    steps = StepsDecoder(checkpoint.model, tensors, config, context=5, every=writer.decoder.every)
    assert writer.decoder.precision.key_offsets
    assert steps.precision.key_offsets
    model, text = AcceleratorModel(config, writer.image()), [7, 3, 22]
    for start in writer.starts():
        writer.write(model.memory, start)
        assert not predict_program(model, start.program.program_address).error
        token = writer.take(model.memory, start)
        if token is not None:
            found = writer.decoder.logits(model.memory, start.program)
            assert (found == steps.logits(text[steps.position :])[-1].astype(np.float32)).all()
            text.append(token)
