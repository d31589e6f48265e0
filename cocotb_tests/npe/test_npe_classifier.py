"""A classifier whose layers have formats of their own, on the NPE in RTL: all of memory and all cycles."""

from dataclasses import replace

import numpy as np
import pytest

from tilewright.bench.npe_jobs import Image
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.npe.cases import image_case
from tilewright.cocotb_tests.npe.suite import SUITES
from tilewright.mapping.models.seeded import seeded_classifier
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


def test_plans_of_a_format_a_layer():
    rng = np.random.default_rng(7)
    classifier = seeded_classifier(rng)
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
