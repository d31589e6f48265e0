"""Faults planted in the matrix co-processor's Verilog: the benches must see each."""

from dataclasses import dataclass

import pytest

from tilewright.cocotb_tests.harness.faults import plant
from tilewright.cocotb_tests.npe import cb_npe, cb_npe_errors
from tilewright.cocotb_tests.npe.suite import Design, run_bench
from tilewright.cocotb_tests.runner import BenchError
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import parse_modes

pytestmark = pytest.mark.cosim

DESIGN = Design(
    NpeConfig(rows=2, columns=2, bus_bits=64, depth=8, panels=2, modes=parse_modes("int4,int8")), (), optimisation="-O0"
)
PROGRAMS = 12


@dataclass(frozen=True)
class Fault:
    """A change of the generated Verilog, and the cocotb test that must see it."""

    name: str
    module: str
    pattern: str
    replacement: str
    testcase: str
    says: str
    """Part of what the test then says."""

    @property
    def bench(self) -> str:
        return cb_npe.BENCH if self.testcase.startswith("random") else cb_npe_errors.BENCH


FAULTS = [
    Fault(
        "4 KiB crossed", "npe.reads.splitter", r"10'h200 - address\[8:0\]", "10'h200", "random_jobs",
        "a burst crosses 4 KiB",
    ),
    Fault(
        "words behind K count", "npe.receiver", r"words__payload\[63:0\] & job\[\d+:\d+\]", "words__payload[63:0]",
        "random_jobs", "mismatches",
    ),
    Fault(
        "an address changes while it waits", "npe.reads", r"~ m_axi_arvalid;", "1'b1;", "random_stalls",
        "an offered read address changed",
    ),
    Fault(
        "ends before the bus is at rest", "npe", r"(assign idle =) \S+ +& \S+ ;", r"\1 1'b1;", "errors_of_memory",
        "something in flight at the end",
    ),
    Fault(
        "one read too many in flight", "npe.reads", r"in_flight != 4'h8", "in_flight != 4'h9", "random_stalls",
        "too many reads in flight",
    ),
    Fault("sums overwritten", "npe.feeder", r"& sums_held", "& 1'b0", "random_jobs", ""),
    Fault("one tile of results on chip", "npe.drain", r"3'h4", "3'h1", "random_jobs", "rtl_cycles"),
    Fault("bytes without elements written", "npe.store", r"places \+ 1'h1", "places + 2'h2", "random_jobs", "mismatches"),
    Fault("never transposed", "npe.store", r"job\[19\]", "1'b0", "random_jobs", ""),
    Fault(
        "responses to writes ignored", "npe.writes", r"m_axi_bresp > worst", "1'b0", "errors_of_memory", "a request after an error",
    ),
    Fault(
        "goes on asking after an error", "npe.reads.splitter", r"(~ |\()stop\b", r"\g<1>1'b0", "errors_of_memory",
        "a request after an error",
    ),
    Fault("aborts not heard", "npe.control", r"if \(abort\)", "if (1'b0)", "aborts", "of the aborts came in time"),
    Fault(
        "scale 3 allowed", "npe.control.check", r"(assign \S+ += )& descriptor\[15:14\]", r"\g<1>1'b0", "bad_descriptors",
        "{'scale': 3}",
    ),
    Fault("control not reset", "npe.control", r"if \(rst\)", "if (1'b0)", "reset_in_flight", ""),
]  # fmt: skip
EVERYDAY = 4
"""So many of them are built and run every day."""


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.name, marks=() if index < EVERYDAY else pytest.mark.slow)
        for index, fault in enumerate(FAULTS)
    ],
)
def test_a_planted_fault_is_seen(fault):
    def edit(verilog: str) -> str:
        return plant(verilog, fault.module, fault.pattern, fault.replacement)

    with pytest.raises(BenchError) as error:
        run_bench(DESIGN, fault.testcase, bench=fault.bench, programs=PROGRAMS, verilog_edit=edit)
    assert fault.says in str(error.value)


@pytest.mark.parametrize("testcase", sorted({fault.testcase for fault in FAULTS}))
@pytest.mark.slow
def test_without_a_fault_nothing_is_seen(testcase):
    bench = next(fault.bench for fault in FAULTS if fault.testcase == testcase)
    run_bench(DESIGN, testcase, bench=bench, programs=PROGRAMS)
