"""Classifiers in formats of the NPE: near to float64 in wide formats, and what the NPE leaves is what was quantised."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import Classifier, Patches, Product
from tilewright.mapping.models.seeded import seeded_classifier
from tilewright.mapping.npe_program import npe_program
from tilewright.mapping.precision.npe_classifier import Quantiser, in_bf16, plans
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import BF16
from tilewright.sim.formats.simd import Mode, parse_modes
from tilewright.sim.machine.npe.values import run

RNG = np.random.default_rng(5)
CONFIG = NpeConfig(
    rows=2, columns=2, bus_bits=64, depth=8, panels=2, modes=parse_modes("fp4_e2m1,int4,posit8_0,int8,bf16")
)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape) / shape[-1] ** 0.5


PATCHES = Patches((1, 8, 8), (3, 3), (2, 2), (0, 0, 1, 1))
CLASSIFIER = seeded_classifier(RNG)
PICTURES = RNG.uniform(0, 1, (64, 64))
EXACT = CLASSIFIER.logits(PICTURES)
QUANTISER = Quantiser(CLASSIFIER, PICTURES)


def error(modes: tuple[Mode, ...]) -> float:
    """Return the error of the logits, as a part of their spread."""
    lost = QUANTISER.quantised(modes).logits(PICTURES) - EXACT
    return float(np.sqrt((lost**2).mean()) / EXACT.std())


@pytest.mark.parametrize(
    ("mode", "least", "most"),
    [(Mode.BF16, 0, 0.01), (Mode.INT8, 0.002, 0.03), (Mode.POSIT8_0, 0.002, 0.04), (Mode.INT4, 0.05, 0.5),
     (Mode.FP4_E2M1, 0.05, 0.5)],
)  # fmt: skip
def test_a_wider_format_is_nearer_to_float64(mode, least, most):
    assert least < error((mode,) * 3) < most


def test_a_plan_lies_between_its_formats():
    mixed = error((Mode.INT8, Mode.INT4, Mode.INT8))
    assert error((Mode.INT8,) * 3) < mixed < error((Mode.INT4,) * 3)
    assert QUANTISER.quantised((Mode.INT4,) * 3).bytes < QUANTISER.quantised((Mode.INT8,) * 3).bytes
    assert len(list(plans(CLASSIFIER, (Mode.INT4, Mode.INT8)))) == 8


@pytest.mark.parametrize(
    "modes",
    [
        (Mode.INT8, Mode.INT8, Mode.INT8),
        (Mode.POSIT8_0, Mode.FP4_E2M1, Mode.INT8),
        (Mode.FP4_E2M1, Mode.POSIT8_0, Mode.BF16),
    ],
)
def test_the_jobs_leave_the_logits(modes):
    quantised = QUANTISER.quantised(modes)
    program = npe_program(CONFIG, quantised, PICTURES[:3])
    outcome = run(CONFIG, program.memory, program.address, len(program.descriptors))
    assert (outcome.error, outcome.completed) == (0, 3)
    # FP32 and float64 round a number in a thousand otherwise.
    np.testing.assert_allclose(program.logits(outcome.memory), quantised.logits(PICTURES[:3]), rtol=0.05, atol=0.02)


def test_what_an_npe_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="conv: the NPE has no fp8_e4m3"):
        npe_program(CONFIG, QUANTISER.quantised((Mode.FP8_E4M3,) * 3), PICTURES[:1])
    with pytest.raises(ConfigError, match=r"conv: 65,536 rows are not allowed: at most 65,535"):
        npe_program(CONFIG, QUANTISER.quantised((Mode.INT8,) * 3), np.zeros((4096, 64)))
    conv = Product("conv", ("x",), "a", (6, 4, 4), normal(6, 9), normal(6), True, PATCHES)
    narrow = Classifier("odd", "x", (1, 8, 8), (conv,))
    with pytest.raises(ConfigError, match="6 outputs in bf16 fill no beat of 64 bits"):
        npe_program(CONFIG, Quantiser(narrow, PICTURES).quantised((Mode.INT8,)), PICTURES[:1])


def test_numbers_are_rounded_to_bf16():
    significands = np.append(1 + np.arange(1024) / 512, RNG.uniform(1, 2, 500))
    values = np.concatenate([significands * scale for scale in (1.0, -(2.0**-126), 2.0**100)] + [np.zeros(3)])
    for some in (values, np.append(values, (2.0**-127, -(2.0**-140), BF16.max * 1.001))):
        np.testing.assert_array_equal(in_bf16(some), BF16.decode(BF16.encode(some)))
