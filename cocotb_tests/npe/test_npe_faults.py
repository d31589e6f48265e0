"""Faults planted in the NPE's Verilog: the benches must detect each.

One model has all faults; an argument of the simulation says which one is in force.
"""

import pytest

from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.harness.rows import CYCLES_APART, DIFFERENT
from tilewright.cocotb_tests.npe import cb_npe, cb_npe_errors
from tilewright.cocotb_tests.npe.suite import NpeSuite
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import parse_modes

pytestmark = pytest.mark.cosim

SUITE = NpeSuite(NpeConfig(rows=2, columns=2, bus_bits=64, depth=8, panels=2, modes=parse_modes("int4,int8")), ())
PROGRAMS = 12


def _fault(name: str, part: str, pattern: str, replacement: str, testcase: str, says: str = "") -> TextFault:
    """Return a fault of a part of the NPE."""
    return TextFault(
        name=name, module=f"npe{part}", pattern=pattern, replacement=replacement, testcase=testcase, says=says
    )


FAULTS = [
    _fault(
        "4 KiB crossed", ".reads.splitter", r"10'h200 - address\[8:0\]", "10'h200 - (ON ? 9'h0 : address[8:0])",
        "random_jobs", "a burst crosses 4 KiB",
    ),
    _fault(
        "words behind K count", ".receiver", r"words__payload\[63:0\] & (job\[\d+:\d+\])",
        r"words__payload[63:0] & ({64{ON}} | \1)", "random_jobs", DIFFERENT,
    ),
    _fault(
        "an address changes while it waits", ".reads", r"= ~ m_axi_arvalid;", "= ON | ~ m_axi_arvalid;",
        "random_stalls", "an offered read address changed",
    ),
    _fault(
        "ends before the bus is at rest", "", r"(assign idle =) (\S+ & \S+;)", r"\1 ON | \2", "errors_of_memory",
        "something in flight at the end",
    ),
    _fault(
        "one read too many in flight", ".reads", "in_flight != 4'h8", "in_flight != (ON ? 4'h9 : 4'h8)",
        "random_stalls", "too many reads in flight",
    ),
    _fault("sums overwritten", ".feeder", "& sums_held", "& (~ON & sums_held)", "random_jobs", "no interrupt after"),
    _fault(
        "one tile of results on chip", ".drain", r"\? 3'h4 :", "? (ON ? 3'h1 : 3'h4) :", "random_jobs",
        CYCLES_APART,
    ),
    _fault(
        "bytes without elements written", ".store", r"places \+ 1'h1", "places + (ON ? 2'h2 : 2'h1)", "random_jobs", DIFFERENT,
    ),
    _fault("never transposed", ".store", r"job\[19\]", "(~ON & job[19])", "random_jobs", DIFFERENT),
    _fault(
        "responses to writes ignored", ".writes", "= m_axi_bresp > worst", "= ~ON & (m_axi_bresp > worst)",
        "errors_of_memory", "a request after an error",
    ),
    _fault(
        "goes on asking after an error", ".reads.splitter", r"(= |~ )stop\b", r"\1(~ON & stop)", "errors_of_memory",
        "a request after an error",
    ),
    _fault(
        "aborts not heard", ".control", r"\babort \?", "(~ON & abort) ?", "aborts", "of the aborts came in time"
    ),
    _fault(
        "scale 3 allowed", ".control.check", r"(assign \S+ += )(& descriptor\[15:14\])", r"\1 ~ON & (\2)",
        "bad_descriptors", "{'scale': 3}",
    ),
    _fault("control not reset", ".control", r"\brst( \?|\);)", r"(rst & ~ON)\1", "reset_in_flight", "STATUS after reset"),
]  # fmt: skip


class TestFaults(FaultTests):
    suites = (
        FaultySuite(
            bench=lambda: SUITE,
            faults=FAULTS,
            options={"programs": PROGRAMS, "coroutines": f"{cb_npe.BENCH},{cb_npe_errors.BENCH}"},
        ),
    )
