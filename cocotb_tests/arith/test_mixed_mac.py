"""The mixed MAC under Verilator: every product, full sums and random dot products against exact rationals."""

import numpy as np
import pytest

from tilewright.cocotb_tests.arith.mixed_vectors import every_product, full_sums, mixed_vectors, random_dots
from tilewright.cocotb_tests.arith.suite import UnitSuite, run_bench
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.hw.arith.mixed_mac import MixedMac
from tilewright.sim.formats import E2M1, E2M3, E3M2, E4M3, Minifloat, Posit

pytestmark = pytest.mark.cosim

FORMATS: list[tuple[Posit, Minifloat]] = [
    *((Posit(n, 1), E4M3) for n in range(3, 9)),
    *((Posit(n, es), E4M3) for n in (3, 5, 8) for es in (0, 2)),
    (Posit(8, 1), Minifloat(4, 3, "none")),
    *((Posit(6, 1), activations) for activations in (E3M2, E2M3, E2M1)),
]
"""Formats of weights and activations: every width with es = 1, every es, and other activations."""


def sums(units: list[MixedMac], vectors: Vectors) -> None:
    """Run dot products on units: every value and the cycle of every result."""
    rows = run_bench(units, vectors, care=UnitSuite(MixedMac).care)
    for unit, row in zip(units, rows, strict=True):
        assert row["values"] == len(vectors.expected)
        assert row["rtl_cycles"] == row["model_cycles"]
        assert unit.stages + 1 == unit.LATENCY


@pytest.mark.slow
@pytest.mark.parametrize("formats", FORMATS, ids=lambda formats: "_".join(map(str, formats)))
def test_every_product_and_many_sums(formats):
    """Also ``2 ** 15`` of the largest products, of either sign, one in each cycle."""
    weights, activations = formats
    units = [MixedMac(*formats, stages=0), MixedMac(*formats, stages=2, back_pressure=False)]
    rng = np.random.default_rng(1)
    dots = [
        *every_product(weights, activations),
        *full_sums(weights, activations),
        *random_dots(weights, activations, 100_000, rng),
    ]
    sums(units, mixed_vectors(weights, activations, units[0].i.p.shape(), dots))
