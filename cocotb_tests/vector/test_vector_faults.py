"""Faults that the bench of the vector unit must detect: slightly wrong arithmetic, and wrong RTL.

One model has all faults; an argument of the simulation says which one is in force.
"""

import pytest

from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.vector.cases import Case
from tilewright.cocotb_tests.vector.operator_programs import operator_cases
from tilewright.cocotb_tests.vector.suite import SEED, VectorSuite, random_cases
from tilewright.sim.config.vector import VectorConfig

pytestmark = pytest.mark.cosim

SUITE = VectorSuite(VectorConfig(lanes=2, scalars=32, address_bits=13))
WORD, TOOK, REASON = "word .* is .*, not", "took .* cycles, not", "ends with error 0, not SLOT"
"""Messages of the bench about wrong results, wrong cycles and wrong reasons of a refusal."""


def _fault(name: str, module: str, pattern: str, replacement: str, says: str = WORD) -> TextFault:
    """Return a fault of a module; ``says`` is a regular expression for the message."""
    return TextFault(name=name, module=module, pattern=pattern, replacement=replacement, testcase="table", says=says)


UNIT = "vector_unit"
FAULTS = [
    _fault("a partial sum begins late", UNIT, r"assign first = (\S+) +< 3'h5;", r"assign first = \1 < (ON ? 3'h4 : 3'h5);"),
    _fault("a short row does not wait", UNIT, r"(assign _\d+_ =) (\S+\[15:0\]) < 3'h5;", r"\1 ~ON & (\2 < 3'h5);", TOOK),
    _fault("-inf is not the least", f"{UNIT}.reducer", r"32'd8388607", "(ON ? 32'd2147483648 : 32'd8388607)"),
    _fault("sign of magnitudes", f"{UNIT}.reducer", r"reduce == 2'h3", "~ON & (reduce == 2'h3)"),
    _fault("masked elements are reduced", UNIT, r"\.masked\(masked\)", r".masked(ON ? 2'h0 : masked)"),
    _fault("masked elements are written", UNIT, r"\.masked\((lane\d__masked)\)", r".masked(~ON & \1)"),
    _fault("masked a step early", f"{UNIT}.limits", r"= step < steps;", "= step + ON < steps;"),
    _fault("root for reciprocal", f"{UNIT}.scalars", r"(assign rsqrt =) (.*);", r"\1 ON | \2;"),
    _fault("halves exchanged without a sign", UNIT, r"\.negate\((\w+)\)", r".negate(~ON & \1)"),
    _fault("GELU for SiLU", "vector_lane.activation", r"(assign gelu =) (.*);", r"\1 ON | \2;"),
    _fault("another NaN", "vector_lane", r"32'd2143289344", "(ON ? 32'hffc00000 : 32'd2143289344)"),
    _fault("add reads what an earlier row writes", f"{UNIT}.check", r"(assign crossed\[0\] =) (\S+);", r"\1 ~ON & \2;", REASON),
    _fault("multiply reads what an earlier row writes", f"{UNIT}.check", r"(assign crossed\[1\] =) (\S+);", r"\1 ~ON & \2;", REASON),
    _fault("words of B that are not asked for", UNIT, r"(assign b_enable =) (.*);", r"\1 ~ON & \2;"),
    _fault("lanes stand still", UNIT, r"\.enable\(busy\)", ".enable(busy & ~ON)"),
    _fault("sums truncated", "fp32_adder.unit", r"(assign o_rounded = .*) \+ (\S+);", r"\1 + (ON ? 1'b0 : \2);"),
]  # fmt: skip


def cases(_: str) -> list[Case]:
    """Return operators of layers and random programs."""
    return [*operator_cases(SUITE.config, SEED), *random_cases(SUITE.config, 4)]


class TestFaults(FaultTests):
    suites = (FaultySuite(bench=lambda: SUITE, faults=FAULTS, cases=cases),)
