"""The orientation of text, a network of a package: right answers, and the program on the exact model of a system."""

from itertools import repeat

import numpy as np
import pytest

from benchmarks.orientation import HEIGHT, PARTS, SYSTEM, WIDTH, drawn, model_path, right
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.picture_cases import picture_cases
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models.readers.onnx_classifier import read_classifier
from tilewright.mapping.precision.npe_classifier import Quantiser
from tilewright.sim.config import load_system
from tilewright.sim.formats.simd import Mode
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network():
    try:
        path = model_path()
    except ConfigError as error:
        pytest.skip(str(error))
    return read_classifier(path, (3, HEIGHT, WIDTH))


@pytest.fixture(scope="module")
def parts():
    return drawn()


def test_lines_are_drawn_anew_for_each_part(parts):
    assert {name: len(part.pictures) for name, part in parts.items()} == PARTS
    whole = np.concatenate([part.rows for part in parts.values()])
    assert len(np.unique(whole, axis=0)) == len(whole)
    assert np.abs(whole).max() <= 1
    assert all(part.classes.mean() == 0.5 for part in parts.values())


def test_the_network_knows_the_orientation(network, parts):
    some = slice(64)
    test = parts["test"]
    assert right(network.logits(test.rows[some]), test.classes[some]) > 0.9


@pytest.mark.parametrize("mode", [Mode.INT8, Mode.POSIT8_0, Mode.FP4_E2M1], ids=lambda mode: mode.label)
def test_the_program_leaves_what_the_steps_leave(network, parts, mode):
    system = load_system(SYSTEM)
    quantiser = Quantiser(network, parts["calibration"].rows[:16], "nearest")
    quantised = quantiser.quantised(tuple(repeat(mode, len(quantiser.products))))
    pictures = parts["test"].rows[:2]
    for case, logits in zip(
        picture_cases(system.accelerator, mode.label, quantised, pictures), quantised.logits(pictures), strict=True
    ):
        machine = AcceleratorModel(system.accelerator, case.memory)
        run = machine.run(case.runs[0].address, memory_timing(system))
        assert not run.error
        for address, expected in case.runs[0].expected:
            assert machine.memory[address : address + len(expected)].tobytes() == expected
        found = np.frombuffer(case.runs[0].expected[0][1], np.float32)
        np.testing.assert_allclose(found, logits, atol=0.1 * np.abs(network.logits(pictures)).max())
