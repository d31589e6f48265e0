"""Dot products, sums, read-outs and the multiplier of lanes under Verilator, against exact sums."""

import numpy as np
import pytest

from tilewright.cocotb_tests.arith.dot_vectors import (
    Dot,
    dot_vectors,
    extreme_dots,
    long_dots,
    random_dots,
    wrapping_dot_vectors,
)
from tilewright.cocotb_tests.arith.suite import UnitSuite, run_bench
from tilewright.hw.arith.fp4_unit import Fp4Unit
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.read_out import ReadOut
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.sim.formats import BF16, E2M1, E4M3, E5M2, FP16, FP32, Int, Minifloat, Posit

pytestmark = pytest.mark.cosim

P4, P8, P16 = Posit(4, 1), Posit(8, 0), Posit(16, 1)
FORMATS: list[Posit | Minifloat] = [P4, P8, P16, E2M1, E4M3, E5M2]
EVERYDAY = (P8, E2M1, E4M3)
"""A format of each family; tests of faults have sums of posit16_1 every day, too."""


def macs(format: Posit | Minifloat) -> list[Mac]:
    """Return a MAC without a pipeline and one with the longest, each in the other style."""
    return [Mac(format), Mac(format, stages=len(Mac.CUTS), style="rows")]


def dot_products(units: list[Mac], products: int, long: int, seed: int) -> None:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    format = units[0].format
    dots = [*extreme_dots(format), *random_dots(format, products, rng), *long_dots(format, long, rng)]
    for row in run_bench(units, dot_vectors(format, units[0].i.p.shape(), dots)):
        assert row["values"] == sum(len(dot.reads) for dot in dots)


@pytest.mark.parametrize(
    "format", [pytest.param(each, marks=[pytest.mark.slow] * (each not in EVERYDAY)) for each in FORMATS], ids=str
)
def test_dot_products(format):
    dot_products(macs(format), 20_000, 4, seed=1)


@pytest.mark.slow
def test_dot_products_in_a_wide_quire():
    # A quire of 544 bits takes long to build: one unit.
    dot_products([Mac(BF16, stages=len(Mac.CUTS), style="rows")], 20_000, 4, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("format", [*FORMATS, BF16, FP16, Posit(8, 2), Posit(5, 3)], ids=str)
def test_many_dot_products(format):
    dot_products(macs(format), 400_000, 100, seed=2)


def test_a_quire_wraps():
    high, minus_high, low = (int(code) for code in P8.encode([P8.max, -P8.max, P8.min]))
    most = 1 << (P8.quire_bits - 1) >> int(np.log2(P8.max**2) - P8.quire_lsb)
    dots = [
        Dot.of([sign] * count + [low] * 5, [high] * count + [low] * 5)
        for sign in (high, minus_high)
        for count in (most + 1, most + 7, 2 * most - 1)
    ]
    units = macs(P8)
    for row in run_bench(units, wrapping_dot_vectors(P8, units[0].i.p.shape(), dots)):
        assert row["values"] == len(dots)


READ_OUTS = [
    UnitSuite(ReadOut, (format,), {"width": width, "lsb": lsb})
    for format, width, lsb in (
        (P4, 32, Fp4Unit.SUM_LSB), (P16, 128, P16.quire_lsb), (Int(8), 48, -9), (BF16, 32, Fp4Unit.SUM_LSB),
        (E2M1, 32, Fp4Unit.SUM_LSB), (P8, 24, -30), (FP16, 64, -40), (E4M3, 40, -20), (E5M2, 8, 3),
    )
] + [
    UnitSuite(ReadOut, (format,), {"width": 46, "lsb": -15, "scale_bits": bits})
    for format, bits in ((FP32, 8), (FP16, 8), (BF16, 10), (P16, 5), (Int(8), 6))
]  # fmt: skip


@pytest.mark.parametrize(
    "design",
    [pytest.param(d, id=d.name, marks=[pytest.mark.slow] * (i != 0)) for i, d in enumerate(READ_OUTS)],
)
def test_read_outs(design):
    units = design.variants()
    run_bench(units, design.vectors(units[0], 2000), None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "count"), [(Fp4Unit, 500_000), (SignificandMultiplier, 700_000), (SegmentedQuire, 600_000)]
)
def test_many_operands_in_lanes(unit, count):
    design = UnitSuite(unit)
    units = [design.build(stages) for stages in range(design.most_stages + 1)]
    run_bench(units, design.vectors(units[0], count, seed=2), care=design.care)
