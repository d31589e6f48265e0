"""Streams of the arithmetic units under Verilator: gaps, stalls, resets, latency, capacity; and planted faults."""

import pytest

from tilewright.cocotb_tests.arith.suite import Design, run_bench
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
    Design(Multiplier, (P8,)),
    Design(Multiplier, (E5M2,)),
    Design(Adder, (P8,)),
    Design(Adder, (E4M3,)),
    Design(Converter, (P8, BF16)),
    Design(Mac, (P8,)),
    Design(Mac, (E5M2,)),
    Design(MacCore, (P8,)),
    Design(Fp4Unit),
    Design(SignificandMultiplier),
    Design(SegmentedQuire),
]
SLOW = [
    Design(Multiplier, (P16,)),
    Design(Multiplier, (FP16,), {"style": "rows"}),
    Design(Adder, (P16,)),
    Design(Adder, (BF16,)),
    Design(Converter, (FP16, P16)),
    Design(Mac, (P16,)),
    Design(Mac, (E4M3,), {"style": "rows"}),
    Design(Mac, (FP16,)),
    Design(MacCore, (P16,), {"style": "rows"}),
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
