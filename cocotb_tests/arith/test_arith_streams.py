"""Streams of the arithmetic units under Verilator: gaps, stalls, resets, latency, capacity; and planted faults."""

import pytest

from tilewright.cocotb_tests.arith.suite import UnitSuite, run_bench
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.fp4_unit import Fp4Unit
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.mac_core import MacCore
from tilewright.hw.arith.mixed_mac import MixedMac
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import BF16, E4M3, E5M2, FP16, Posit

pytestmark = pytest.mark.cosim

P5, P8, P16 = Posit(5, 1), Posit(8, 0), Posit(16, 1)
EVERYDAY = [
    UnitSuite(Multiplier, (P8,)),
    UnitSuite(Adder, (E4M3,)),
    UnitSuite(Converter, (P8, BF16)),
    UnitSuite(Mac, (P8,)),
    UnitSuite(MacCore, (P8,)),
    UnitSuite(Fp4Unit),
]
# The first two have values, cycles and planted faults in everyday tests of faults.
SLOW = [
    UnitSuite(SignificandMultiplier),
    UnitSuite(SegmentedQuire),
    UnitSuite(MixedMac, (P5, E4M3)),
    UnitSuite(Multiplier, (E5M2,)),
    UnitSuite(Multiplier, (P16,)),
    UnitSuite(Multiplier, (FP16,), {"style": "rows"}),
    UnitSuite(Adder, (P8,)),
    UnitSuite(Adder, (P16,)),
    UnitSuite(Adder, (BF16,)),
    UnitSuite(Converter, (FP16, P16)),
    UnitSuite(Mac, (E5M2,)),
    UnitSuite(Mac, (P16,)),
    UnitSuite(Mac, (E4M3,), {"style": "rows"}),
    UnitSuite(Mac, (FP16,)),
    UnitSuite(MacCore, (P16,), {"style": "rows"}),
]


def streams(design: UnitSuite, units: list[Unit]) -> None:
    """Run all tests of the bench on a suite's units, side by side."""
    rows = run_bench(units, design.vectors(units[0], 5000), None, care=design.care)
    assert len(rows) == len(units)


@pytest.mark.parametrize(
    "design",
    [pytest.param(each, marks=[pytest.mark.slow] * (each not in EVERYDAY)) for each in (*EVERYDAY, *SLOW[:2])],
    ids=lambda design: design.name,
)
def test_streams(design):
    """No stage, one and most, with and without back-pressure: a pipeline with most has every register."""
    units = design.variants({0, 1, design.most_stages})
    assert len(units) == min(design.most_stages, 2) + 3
    streams(design, units)


@pytest.mark.slow
@pytest.mark.parametrize("design", [*EVERYDAY, *SLOW], ids=lambda design: design.name)
def test_streams_with_every_number_of_stages(design):
    units = design.variants()
    assert len(units) == design.most_stages + 3
    streams(design, units)
