"""Faults planted in the NPE's Verilog: the benches must detect each.

One model has all faults; an argument of the simulation says which one is in force.
"""

import pytest

from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.harness.rows import CYCLES_APART, DIFFERENT
from tilewright.cocotb_tests.npe import cb_npe, cb_npe_errors
from tilewright.cocotb_tests.npe.suite import NpeSuite, decode_cases, sum_cases
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode, parse_modes

pytestmark = pytest.mark.cosim

SUITE = NpeSuite(NpeConfig(rows=2, columns=2, bus_bits=64, depth=8, panels=2, modes=parse_modes("int4,int8,bf16")), ())
PROGRAMS = 12
CASES = {"": (), "sums": sum_cases(SUITE.config), "one row": decode_cases(Mode.INT8, SUITE.config)}
"""Cases of the test ``table``."""


def _fault(
    name: str, part: str, pattern: str, replacement: str, testcase: str, says: str = "", cases: str = ""
) -> TextFault:
    """Return a fault of a part of the NPE."""
    return TextFault(
        name=name, module=f"npe{part}", pattern=pattern, replacement=replacement, testcase=testcase, says=says,
        cases=cases,
    )  # fmt: skip


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
    _fault("never transposed", ".store", r"job\[19\]", "(~ON & job[19])", "random_jobs", "WRITE_BEATS"),
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
    _fault(
        "sums cut off in place of rounded", "_results", r"(o__payload__value \+) o__payload__up", r"\1 (~ON & o__payload__up)",
        "table", DIFFERENT, "sums",
    ),
    _fault(
        "a carry of an integer lost", "_results.floats", r"(integer_carried1 =) (\S+ \| \S+);", r"\1 ~ON & (\2);",
        "random_jobs", DIFFERENT,
    ),
    _fault(
        "sign of an integer lost", "_results.epilogue", r"\? whole\[31\]", "? (~ON & whole[31])", "random_jobs", DIFFERENT
    ),
    _fault(
        "tiles of 32 bits as close as those of 16", ".store", r"\{ 1'h0, elements_before, 2'h0 \}",
        "({ 1'h0, elements_before, 2'h0 } >> ON)", "random_jobs", DIFFERENT,
    ),
    _fault(
        "exact sums with an epilogue allowed", ".control.check", r"(assign altered =) ([^;]+);", r"\1 ~ON & (\2);",
        "bad_descriptors", "{'out_format': 10}",
    ),
    _fault(
        "a vector in the first bank alone", ".a_panels", r"\? bank :", "? (~ON & bank) :", "table", DIFFERENT, "one row",
    ),
    _fault(
        "bias of the first of two rows for both", ".parameters", r"(bias_index1 = bias_by_row) \? 1'h1", r"\1 ? ~ON", "random_jobs",
        DIFFERENT,
    ),
    _fault(
        "the second of two rows in the line of the first", ".store", r"\? element\[1\] : 1'h1", "? element[1] : ~ON",
        "random_jobs", DIFFERENT,
    ),
    _fault("control not reset", ".control", r"\brst( \?|\);)", r"(rst & ~ON)\1", "reset_in_flight", "STATUS after reset"),
]  # fmt: skip


class TestFaults(FaultTests):
    suites = (
        FaultySuite(
            bench=lambda: SUITE,
            faults=FAULTS,
            cases=lambda name: CASES[name],
            options={"programs": PROGRAMS, "coroutines": f"{cb_npe.BENCH},{cb_npe_errors.BENCH}"},
        ),
    )
