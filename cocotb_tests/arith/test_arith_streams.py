"""Streams of the arithmetic units under Verilator: gaps, stalls, resets, latency, capacity; and planted faults."""

import pytest

from tilewright.cocotb_tests.arith.suite import UnitSuite, run_bench
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.fp4_unit import Fp4Unit
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.mac_core import MacCore
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.sim.formats import BF16, E4M3, E5M2, FP16, Posit

pytestmark = pytest.mark.cosim

P8, P16 = Posit(8, 0), Posit(16, 1)
EVERYDAY = [
    UnitSuite(Multiplier, (P8,)),
    UnitSuite(Multiplier, (E5M2,)),
    UnitSuite(Adder, (P8,)),
    UnitSuite(Adder, (E4M3,)),
    UnitSuite(Converter, (P8, BF16)),
    UnitSuite(Mac, (P8,)),
    UnitSuite(Mac, (E5M2,)),
    UnitSuite(MacCore, (P8,)),
    UnitSuite(Fp4Unit),
    UnitSuite(SignificandMultiplier),
    UnitSuite(SegmentedQuire),
]
SLOW = [
    UnitSuite(Multiplier, (P16,)),
    UnitSuite(Multiplier, (FP16,), {"style": "rows"}),
    UnitSuite(Adder, (P16,)),
    UnitSuite(Adder, (BF16,)),
    UnitSuite(Converter, (FP16, P16)),
    UnitSuite(Mac, (P16,)),
    UnitSuite(Mac, (E4M3,), {"style": "rows"}),
    UnitSuite(Mac, (FP16,)),
    UnitSuite(MacCore, (P16,), {"style": "rows"}),
]


@pytest.mark.parametrize(
    "design",
    [
        *(pytest.param(design, id=design.name) for design in EVERYDAY),
        *(pytest.param(design, id=design.name, marks=pytest.mark.slow) for design in SLOW),
    ],
)
def test_streams(design):
    """Every number of stages, with and without back-pressure, in all tests of the bench."""
    units = design.variants()
    rows = run_bench(units, design.vectors(units[0], 5000), None, care=design.care)
    assert len(rows) == len(units) >= design.most_stages + 2
