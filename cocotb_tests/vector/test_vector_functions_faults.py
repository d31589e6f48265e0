"""Faults planted in the vector unit's functions, their tables and their timing: the benches must detect each."""

import pytest

from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.harness.delay_faults import early, late, less, never, off
from tilewright.cocotb_tests.harness.faults import FunctionFault, number
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.vector import functions_harness
from tilewright.cocotb_tests.vector.functions_harness import COMPONENTS, LATENCY, FunctionUnit
from tilewright.cocotb_tests.vector.functions_vectors import function_vectors
from tilewright.hw.vector import exponential, interpolation, inverse
from tilewright.sim.formats.functions import EXP2, HALF, LOG2_E, UNIT_BITS

pytestmark = pytest.mark.cosim

COMMON = [
    ("no interpolation", interpolation, never("t")),
    ("place a cycle early", interpolation, early("t")),
    ("no rounding", interpolation, less("base", HALF)),
    ("results a cycle early", functions_harness, early("valid")),
    ("results a cycle late", functions_harness, late("valid")),
]
OWN = {
    "exponential": [
        ("sign forgotten", exponential, never("negative")),
        ("below zero not told from above", exponential, never("below")),
        ("large arguments forgotten", exponential, never("large")),
        ("subnormal results not flushed", exponential, never("zero")),
        ("infinity forgotten", exponential, never("infinite")),
        ("NaN forgotten", exponential, never("nan")),
        ("another NaN", exponential, {"NAN_CODE": number(0xFFC00000)}),
        ("log2(e) a unit off", exponential, {"LOG2_E": number(LOG2_E + 1)}),
        ("exponent a cycle early", exponential, early("scale")),
        # By half a place of the significand; after the entry half of all results are others.
        ("an entry of the table is off", interpolation, off("base", EXP2.base[200] + HALF - (1 << UNIT_BITS), HALF)),
    ],
    "inverse": [
        ("sign forgotten", inverse, never("sign")),
        ("subnormal results not flushed", inverse, never("flushed")),
        ("zero forgotten", inverse, never("infinite")),
        ("NaN forgotten", inverse, never("nan")),
        ("infinity forgotten", inverse, never("top")),
        ("another NaN", inverse, {"NAN_CODE": number(0x7FC00001)}),
        ("exponent a cycle early", inverse, early("scale")),
    ],
}


def suite(name: str) -> FaultySuite:
    """Return a component with its faults."""
    return FaultySuite(
        name=name,
        bench=lambda: UnitsBench.of([FunctionUnit(name)], latencies=[LATENCY[name]]),
        faults=[
            FunctionFault(
                name=text, owner=owner, wrong=wrong, testcase="replay",
                says="result .* instead of " + ".*'late': [1-9]" * (owner is functions_harness),
            )
            for text, owner, wrong in COMMON + OWN[name]
        ],
        cases=lambda _: [function_vectors(name, 1000)],
    )  # fmt: skip


class TestFaults(FaultTests):
    suites = tuple(suite(name) for name in COMPONENTS)
