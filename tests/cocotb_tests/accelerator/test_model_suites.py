"""A layer of a user's model and the whole of it, on a system: exact model against steps, and one of them in RTL."""

from dataclasses import asdict

import numpy as np
import pytest

from tests.cli.text_models import write_text_model
from tests.cocotb_tests.accelerator.systems import small_system
from tilewright.cocotb_tests.accelerator.model_suites import decoder_suite, layer_suite
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.mapping.models.load import config_path
from tilewright.sim.config import load_system
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel


def on_the_exact_model(suite) -> list[float]:
    """Run the case of a suite on the exact model; return how near each program comes to float64."""
    [case] = suite.cases()
    model = AcceleratorModel(suite.config, np.pad(case.memory, (0, suite.memory_bytes - len(case.memory))))
    cosines = []
    for run in case.runs:
        assert not model.run(run.address, AxiMemoryModel(**asdict(case.timing))).error
        assert run.expected
        for address, content in run.expected:
            assert model.memory[address : address + len(content)].tobytes() == content
        if run.reference:
            cosines.append(run.reference.cosine(model.memory))
    return cosines


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(write_text_model(tmp_path_factory.mktemp("model")))


# Windows have masks of their own, and a description alone gets random weights.
def test_a_layer_has_its_own_weights_and_input(model):
    cosines = [on_the_exact_model(layer_suite(model, small_system(), layer=layer, tokens=5)) for layer in (0, 1)]
    assert all(len(each) == 2 and min(each) > 0.99 for each in cosines)
    assert cosines[0] != cosines[1]


def test_a_description_alone_gets_random_weights(tmp_path, model):
    file = tmp_path / "config.json"
    file.write_text((tmp_path / model / "config.json").read_text())
    [prompt, token] = on_the_exact_model(layer_suite(str(file), load_system("small"), layer=1, tokens=3))
    assert min(prompt, token) > 0.99


def test_a_whole_model_has_its_own_weights(model):
    cosines = on_the_exact_model(decoder_suite(model, small_system(), tokens=5))
    assert cosines[-1] > 0.99


# Every day texts and whole decoders run in RTL, in the same build.
@pytest.mark.slow
@pytest.mark.cosim
def test_a_whole_model_in_rtl(model):
    suite = decoder_suite(model, small_system(), tokens=5)
    rows = suite.run()
    check_rows(rows)
    assert rows[-1]["name"].endswith("token 5")
    assert rows[-1]["cosine"] > 0.99


def test_a_shipped_model_has_its_own_weights():
    [own] = layer_suite("slate-132k", load_system("tiny"), layer=2, tokens=2).cases()
    [random] = layer_suite(str(config_path("slate-132k")), load_system("tiny"), layer=2, tokens=2).cases()
    # Its keys have offsets, too.
    size = len(random.memory)
    assert size < len(own.memory) <= size + 4096
    assert (own.memory[:size] != random.memory).mean() > 0.1
