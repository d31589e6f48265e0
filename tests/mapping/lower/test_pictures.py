"""Classifiers of pictures as steps: near to the model of their arithmetic, and what the compiled program leaves."""

from dataclasses import asdict
from itertools import cycle, islice

import numpy as np
import pytest

from tests.mapping.models.onnx_graphs import EXAMPLES
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.npe_layers_suite import ALONE
from tilewright.cocotb_tests.accelerator.picture_cases import picture_cases, seeded_pictures, small_network
from tilewright.cocotb_tests.accelerator.picture_suite import PLANS
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower import picture_products
from tilewright.mapping.lower.pictures import lower_classifier
from tilewright.mapping.models.readers.onnx_classifier import classifier_of
from tilewright.mapping.precision.npe_classifier import NpeClassifier, Quantiser
from tilewright.sim.formats.simd import Mode
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.steps import empty_memory, load, run_steps, store

NETWORK, PICTURES = small_network(), seeded_pictures(16)
QUANTISER = Quantiser(NETWORK, PICTURES)


def in_formats(quantiser: Quantiser, *modes: Mode) -> NpeClassifier:
    return quantiser.quantised(tuple(islice(cycle(modes), len(quantiser.products))))


def by_steps(quantised: NpeClassifier, pictures: np.ndarray, lanes: int = 8) -> np.ndarray:
    """Return the logits that the steps leave."""
    found, logits = lower_classifier(quantised, lanes), []
    for picture in pictures:
        memory = empty_memory(found.lowered.buffers.values(), found.contents)
        store(memory, found.lowered.input, found.input(picture))
        run_steps(found.lowered.steps, memory, lanes=lanes)
        logits.append(load(memory, found.lowered.output).ravel())
    return np.array(logits)


@pytest.mark.parametrize("modes", [(Mode.BF16,), *PLANS, (Mode.FP4_E2M1,)], ids=lambda modes: modes[0].label)
def test_steps_compute_what_was_quantised(modes):
    quantised = in_formats(QUANTISER, *modes)
    # FP32 and float64 round a number in some hundreds otherwise, and formats make steps of that.
    found, expected = by_steps(quantised, PICTURES[:4]), quantised.logits(PICTURES[:4])
    spread = NETWORK.logits(PICTURES).std()
    assert np.abs(found - expected).mean() < 0.06 * spread
    assert (
        np.abs(found - expected).mean() < 0.3 * np.abs(expected - NETWORK.logits(PICTURES[:4])).mean() + 0.01 * spread
    )


def test_patches_that_are_gathered_in_parts_are_the_same(monkeypatch):
    quantised = in_formats(QUANTISER, *PLANS[1])
    whole, steps = by_steps(quantised, PICTURES[:1]), len(lower_classifier(quantised, 8).lowered.steps)
    monkeypatch.setattr(picture_products, "PATCHES", 1)
    assert len(lower_classifier(quantised, 8).lowered.steps) > steps
    np.testing.assert_array_equal(by_steps(quantised, PICTURES[:1]), whole)


def test_the_program_leaves_what_the_steps_leave():
    quantised = in_formats(QUANTISER, *PLANS[1])
    [case] = picture_cases(ALONE, "a plan", quantised, PICTURES[:1])
    machine = AcceleratorModel(ALONE, case.memory)
    run = machine.run(case.runs[0].address, AxiMemoryModel(**asdict(case.timing)))
    assert not run.error
    for address, expected in case.runs[0].expected:
        assert machine.memory[address : address + len(expected)].tobytes() == expected


@pytest.mark.parametrize(
    "name",
    [
        "depthwise",
        "depthwise, leaving out",
        "clip",
        "minus",
        "hard swish",
        "two gates",
        "squeeze and excite",
        "residual",
        "two readers",
        "largest of patches",
        "average of patches",
        "dense",
        "same",
        "side by side",
        "average with pads",
        "largest of padded patches",
    ],
)
def test_operations_as_steps(name):
    """Each small graph ends with a mean, which is what the classifier's last product reads."""
    classifier = classifier_of(EXAMPLES[name].graph, name)
    pictures = np.random.default_rng(2).normal(size=(12, classifier.inputs))
    quantised = in_formats(Quantiser(classifier, pictures), Mode.BF16)
    lanes = 4 if name == "side by side" else 8
    found = lower_classifier(quantised, lanes)
    memory = empty_memory(found.lowered.buffers.values(), found.contents)
    store(memory, found.lowered.input, found.input(pictures[0]))
    run_steps(found.lowered.steps, memory, lanes=lanes)
    expected = classifier.logits(pictures[:1]).reshape(classifier.operations[-1].shape)
    got = load(memory, found.lowered.output).T.reshape(expected.shape)
    np.testing.assert_allclose(got, expected, rtol=0.03, atol=0.03 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("groups", "2 groups of 4 channels for 6 outputs are not allowed: depth-wise"),
        ("two outputs a channel", "4 groups of 4 channels for 8 outputs are not allowed: depth-wise"),
        ("a shape from the graph", "a change of shape is not allowed but of one position to a row"),
        ("silu", "a sigmoid is not allowed: the vector unit has x * sigmoid"),
        ("average", "pads of a pool are not allowed on the vector unit but of zeros"),
        ("largest", "pads of a pool are not allowed on the vector unit but of zeros"),
        ("means", "a mean over axes (-2,) is not allowed: over all positions"),
        ("side by side", "4 channels before others side by side are not allowed: a multiple of the 8 lanes"),
        ("rows of a matrix", "a tensor of [4, 42] is not allowed"),
    ],
)
def test_what_has_no_steps_is_refused_by_name(name, says):
    classifier = classifier_of(EXAMPLES[name].graph, name)
    quantised = in_formats(Quantiser(classifier, np.ones((1, classifier.inputs))), Mode.INT8)
    with pytest.raises(ConfigError) as refused:
        lower_classifier(quantised, 8)
    assert says in str(refused.value)


def test_a_bank_that_is_too_small_is_refused():
    quantised = in_formats(QUANTISER, Mode.INT8)
    small = ALONE.model_copy(update={"vector": ALONE.vector.model_copy(update={"address_bits": 8})})
    with pytest.raises(ConfigError, match="find no room in the scratchpad"):
        compile_program(small, lower_classifier(quantised, 8).lowered)
