"""Faults planted in the accelerator's Verilog: the benches must detect each.

One model has all faults of an accelerator; an argument of the simulation says which one is in force.
"""

from dataclasses import replace
from functools import partial

import pytest

from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.suite import (
    LAYER_BYTES,
    SUITES,
    WIDEST,
    WITH_NPE,
    failing_cases,
    random_cases,
    stalled_cases,
)
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import whole_decoder_case
from tilewright.cocotb_tests.accelerator.whole_decoder_suite import MODEL
from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.runner import BenchError
from tilewright.sim.config.accelerator import AcceleratorConfig

pytestmark = pytest.mark.cosim


def _fault(name: str, part: str, pattern: str, replacement: str, says: str = "", cases: str = "random") -> TextFault:
    """Return a fault of a part of the core."""
    return TextFault(
        name=name, module=f"accelerator_core{part}", pattern=pattern, replacement=replacement, testcase="right",
        says=says, cases=cases,
    )  # fmt: skip


FAULTS = [
    _fault("a signal is not counted", ".scheduler", r"(signals_0_2 \+ )given0\[2\]", r"\1(given0[2] & ~ON)", "DEADLOCK"),
    _fault("a signal is not waited for", ".scheduler", r"= \| signals_0_2\s*;", "= ON | (| signals_0_2);", "SEMAPHORE"),
    _fault("a signal is taken twice", ".scheduler", r"signals_2_3 \+ given2\[3\]", "signals_2_3 + given2[3] - (ON & (| signals_2_3))", "DEADLOCK"),
    _fault("ports that others hold", ".scheduler", r"(assign free[23] =) ~ (\S+);", r"\1 ON | ~ \2;", "VECTOR_BANK .* not "),
    _fault("a bank is not read", ".scratchpad", r"(assign bank2__read_enable =) (.*);", r"\1 ~ON & (\2);", "bytes differ"),
    _fault("pitch of loads", ".load", r"below \+ r_data\[111:80\]", "below + (ON ? 32'd8 : r_data[111:80])", "bytes differ"),
    _fault("rows in memory", ".load", r"\brow \+ (\S+);", r"row + (ON ? 32'd8 : \1);", "bytes differ"),
    _fault("credit for weights is lost", ".load", r"credit \+ (\S+);", r"credit + (ON ? 1'b0 : \1);", "ends with WEIGHTS"),
    _fault("no credit for weights", ".load", "= (credit >= [^;]*);", r"= ON | (\1);", "DEADLOCK"),
    _fault("errors of loads", ".load", "(assign failed =) (.*);", r"\1 ~ON & (\2);", "ends with NONE.* not LOAD_BUS", "LOAD, "),
    _fault("strobes", ".store", r"= begun \? 8'h00 :", "= (ON | begun) ? 8'h00 :", "bytes differ"),
    _fault("pitch of stores", ".store", r"from_row \+ command\[319:288\]", "from_row + (ON ? 32'd0 : command[319:288])", "bytes differ"),
    _fault("responses to writes", ".store.master", "m_axi_bresp > worst", "~ON & (m_axi_bresp > worst)", "a request after an error", "STORE, "),
    _fault("pitch of activations", ".array", r"(activation_stride =) (\{.*\});", r"\1 ON ? 32'd1 : \2;", "bytes differ"),
    _fault("a product ends with its first block", ".array", r"(assign done = block_ends &) (\S+);", r"\1 (ON | \2);", "bytes differ"),
    _fault("columns of the last block", ".array", r"(assign columns = \S+ \?) (\S+) :", r"\1 (ON ? 16'h0008 : \2) :"),
    _fault("columns that end within a beat", ".processor.check", r"= (command\[64\]);", r"= ~ON & (\1);", "SIZE", "PRODUCT with {'n'"),
    _fault("fences and ends that do not wait", ".processor", "= ~ active;", "= ON | ~ active;", "an offer when nothing runs"),
    _fault("five loops", ".processor", "= loops == 3'h4;", "= ~ON & (loops == 3'h4);", "LOOP", "five loops"),
    _fault("address registers are 0", ".processor", r"(\S+) \+ command\[95:32\]", r"(ON ? 64'd0 : \1) + command[95:32]", "bytes differ"),
    _fault("register 9", ".processor.check", r"= (command\[21:18\] > 4'h8);", r"= ~ON & (\1);", "REGISTER", "LOAD with {'register'"),
    _fault("beyond memory", ".processor.check", r"= (\w+_end0 > 33'h100000000);", r"= ~ON & (\1);", "ADDRESS", "LOAD with {'address'"),
    _fault("a read too many in flight", ".reader", "= (in_flight != 2'h2);", r"= ON | (\1);", "too many reads in flight", "stalled"),
    _fault("deadlocks", "", "= (still == 13'h1000);", r"= ~ON & (\1);", "no interrupt", "LOAD without a signal"),
]  # fmt: skip
NPE_FAULTS = [
    _fault("a signal of the NPE is not counted", ".scheduler", r"(signals_4_3 \+ )given4\[3\]", r"\1(given4[3] & ~ON)", "DEADLOCK"),
    _fault("a signal to it is not waited for", ".scheduler", r"= \| signals_3_4\s*;", "= ON | (| signals_3_4);", "SEMAPHORE"),
    _fault("a job too many", ".jobs", r"(\.count)\((\{.*\})\),", r"\1(\2 + ON),", "ends with NPE"),
    _fault("descriptors at the wrong place", ".jobs", r"(\.descriptor_address)\((\{.*\})\),", r"\1(\2 ^ (ON ? 64'h80 : 64'h0)),", "(ends with NPE|bytes differ)"),
    _fault("errors are lost", ".jobs", "(assign failed =) (.*);", r"\1 ~ON & (\2);", "ends with NONE.* not NPE", "a job, DECERR"),
    _fault("the wrong code", ".jobs", r"(assign code =) npe__error\[7:0\];", r"\1 ON ? 8'd1 : npe__error[7:0];", "NPE, detail", "a job with {'a'"),
    _fault("the end does not wait for it", ".jobs", "(assign idle =) (.*);", r"\1 ON | (\2);", "something in flight at the end", "a load beyond memory beside"),
    _fault("jobs beyond memory's addresses", ".processor.check", "= (jobs_end0 > 33'h100000000);", r"= ~ON & (\1);", "ADDRESS", "JOBS with {'address'"),
]  # fmt: skip
MEMORY_FAULTS = [
    TextFault(
        name=name, module="accelerator_harness.memory", pattern=pattern, replacement=replacement, testcase="right",
        says="CYCLES",
    )
    for name, pattern, replacement in (
        ("the NPE's port does not wait its turn", r"(assign second_turn =) (.*);", r"\1 ON | (\2);"),
        ("the other port does not wait its turn", r"= (\w+ \| \w+\[31\]);", r"= ON | \1;"),
    )
]  # fmt: skip
"""Faults of the bench's memory, which serves both ports."""
TWO_A_BEAT_FAULTS = [
    _fault("only the first command of a beat", ".processor", r"= part \* 10'h200;", "= (~ON & part) * 10'h200;"),
    _fault("the wrong half of a beat after a jump", ".processor", r"= begin_anew \? (\S+)\[6\] :", r"= begin_anew ? ON ^ \1[6] :"),
]  # fmt: skip
ALONE, BESIDE = SUITES[0], WITH_NPE[0]
"""Accelerators without and with an NPE."""


def cases(config: AcceleratorConfig, kind: str) -> tuple[Case, ...]:
    """Return random programs, without or with stalls, or the stopped programs whose names begin with ``kind``."""
    match kind:
        case "random":
            return random_cases(config, seed=13, cases=2, programs=6)
        case "stalled":
            return stalled_cases(config, seed=12, cases=6, programs=2)
    stopped, _ = failing_cases(config, seed=11, kinds=(kind,))
    return (stopped,)


class TestFaults(FaultTests):
    suites = (FaultySuite(bench=lambda: ALONE, faults=FAULTS, cases=partial(cases, ALONE.config)),)


@pytest.mark.slow
class TestFaultsWithNpe(FaultTests):
    suites = (
        FaultySuite(bench=lambda: BESIDE, faults=[*NPE_FAULTS, *MEMORY_FAULTS], cases=partial(cases, BESIDE.config)),
    )


@pytest.mark.slow
class TestFaultsWithTwoCommandsABeat(FaultTests):
    suites = (FaultySuite(bench=lambda: WIDEST, faults=TWO_A_BEAT_FAULTS, cases=partial(cases, WIDEST.config)),)


WHOLE_DECODER = FaultySuite(
    bench=lambda: replace(ALONE, memory_bytes=LAYER_BYTES),
    faults=FAULTS,
    cases=lambda _: (whole_decoder_case(ALONE.config, MODEL.replace(num_hidden_layers=3), prompt=(2,), tokens=0),),
)


def test_a_whole_decoder_shows_lost_address_registers():
    WHOLE_DECODER.run("right")
    with pytest.raises(BenchError, match="bytes differ"):
        WHOLE_DECODER.run("right", number=1 + [fault.name for fault in FAULTS].index("address registers are 0"))
