"""A classifier whose layers have formats of their own, on the NPE in RTL: all of memory and all cycles."""

from dataclasses import replace

import numpy as np
import pytest

from tilewright.bench.npe_jobs import Image
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.npe.cases import image_case
from tilewright.cocotb_tests.npe.suite import SUITES
from tilewright.mapping.models.classifier import Arranged, Classifier, Patches, Product
from tilewright.mapping.npe_program import npe_program
from tilewright.mapping.precision.npe_classifier import Quantiser
from tilewright.sim.formats.simd import Mode

pytestmark = pytest.mark.cosim

PLANS = (
    (Mode.INT8, Mode.FP4_E2M1, Mode.POSIT8_0),
    (Mode.POSIT8_0, Mode.INT4, Mode.INT8),
    (Mode.FP4_E2M1, Mode.POSIT16_1, Mode.BF16),
)
"""Formats of the three layers."""


PATCHES = Patches((1, 8, 8), (3, 3), (2, 2), (0, 0, 1, 1))


def test_plans_of_a_format_a_layer():
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) / shape[-1] ** 0.5

    classifier = Classifier(
        "small",
        "x",
        (1, 8, 8),
        (
            Product("conv", ("x",), "a", (16, 4, 4), normal(16, 9), normal(16), True, PATCHES),
            Arranged("flat", ("a",), "b", (256,)),
            Product("wide", ("b",), "c", (12,), normal(12, 256), normal(12), True),
            Product("classes", ("c",), "d", (5,), normal(5, 12), normal(5)),
        ),
    )
    pictures = rng.uniform(size=(32, 64))
    quantiser, [suite, *_] = Quantiser(classifier, pictures), SUITES
    cases = []
    for modes in PLANS:
        program = npe_program(suite.config, quantiser.quantised(modes), pictures[:2])
        name = ", ".join(mode.label for mode in modes)
        image = Image(program.memory, program.address, program.descriptors)
        cases.append(image_case(name, image, Timing(latency=20, write_latency=5)))
    rows = replace(suite, starts=tuple(cases)).run()
    assert [row["jobs"] for row in rows] == [3, 3, 3]
    check_rows(rows)
