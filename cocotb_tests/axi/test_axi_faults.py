"""Faults planted in the bus parts: the benches must detect each.

A model has all faults of a part; an argument of the simulation says which one is in force.
"""

from functools import partial

import pytest

from tilewright.cocotb_tests.axi.suite import MASTERS, MEMORIES, masters_bench, memory_bench, registers_bench
from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite

pytestmark = pytest.mark.cosim


def _fault(module: str, name: str, pattern: str, replacement: str, testcase: str, says: str = "") -> TextFault:
    """Return a fault of a module."""
    return TextFault(name=name, module=module, pattern=pattern, replacement=replacement, testcase=testcase, says=says)


READS, WRITES = (partial(_fault, f"axi_harness.{part}") for part in ("reads", "writes"))
FREE = "(~m_axi_wvalid | m_axi_wready)"
"""Whether a master's word can be replaced."""
MASTER_FAULTS = [
    _fault(
        "axi_harness.reads.splitter", "pages of 8 KiB", r"10'h200 - address\[8:0\]",
        "10'h200 - (ON ? 9'h0 : address[8:0])", "random_transfers", "4 KiB",
    ),
    READS(
        "one burst too many", "in_flight != 3'h4", "in_flight != (ON ? 3'h5 : 3'h4)", "random_transfers",
        "too many reads",
    ),
    WRITES(
        "one write too many", "in_flight != 3'h4", "in_flight != (ON ? 3'h5 : 3'h4)", "random_transfers",
        "too many writes",
    ),
    READS(
        "address withdrawn on stop", r"m_axi_arvalid <= (\S+);", r"m_axi_arvalid <= \1 & ~(ON & stop);",
        "stop_anywhere", "an offered read address|not idle",
    ),
    WRITES(
        "wlast wrong", r"m_axi_wlast <= (\S+);",
        rf"m_axi_wlast <= ON & {FREE} ? words__payload[0] : \1;", "random_transfers",
    ),
    WRITES(
        "words sent after stop", r"m_axi_wstrb <= (\S+);",
        rf"m_axi_wstrb <= ON & stop & {FREE} ? words__payload[71:64] : \1;", "stop_anywhere", "after stop",
    ),
    WRITES(
        "bursts not completed on stop", r"m_axi_wvalid <= (\S+);",
        rf"m_axi_wvalid <= \1 & ~(ON & stop & {FREE});", "stop_anywhere", "not idle",
    ),
    READS(
        "responses of reads lost", r"words__payload\[65:64\] = m_axi_rresp",
        "words__payload[65:64] = ON ? 2'h0 : m_axi_rresp", "errors", "0, 0, False"
    ),
    WRITES(
        "done with every burst", r"assign done = answered & (\S+);", r"assign done = answered & (ON | \1);", "errors", r"assert \[.*\] == \[.*\.done"
    ),
    # A place for a burst is lost when one ends in the cycle in which another begins.
    READS("credits leak", "(- )ended;", r"\1(ended & ~(ON & w_en));", "random_transfers", "not done after"),
    _fault("axi_harness.reads.finals", "queue not reset", r"\brst \?", "(rst & ~ON) ?", "reset_anywhere", r"assert \[\(.*\] == \[\("),
    _fault("axi_harness.writes.lengths", "bursts not reset", r"\brst \?", "(rst & ~ON) ?", "reset_anywhere", "an offer when nothing runs"),
]  # fmt: skip
MEMORY = partial(_fault, "axi_harness.memory")
READ_SLOTS, WRITE_SLOTS = (partial(_fault, f"axi_harness.memory.{part}_slots") for part in ("read", "write"))
ON_MEMORY = "masters_on_memory"
MEMORY_FAULTS = [
    MEMORY("a cycle too late", "= now \\+ latency;", "= now + latency + ON;", ON_MEMORY, "valid = "),
    READ_SLOTS("rate ignored", "assign slot = ", "assign slot = ON | ", ON_MEMORY, "cycle"),
    READ_SLOTS("refresh a cycle too long", r"position < (\w+)", r"position < \1 + (ON & (| \1))", ON_MEMORY, "cycle"),
    READ_SLOTS("refresh a cycle too short", r"position < (\w+)", r"position < \1 - (ON & (| \1))", ON_MEMORY, "cycle"),
    READ_SLOTS("period of refresh a cycle too long", r">= refresh_period", ">= refresh_period + ON", ON_MEMORY, "cycle"),
    READ_SLOTS("words during refresh", "assign slot = ", "assign slot = (ON & refreshes) | ", ON_MEMORY, "cycle"),
    READ_SLOTS("turns go on during refresh", r"refreshes \?", "(refreshes & ~ON) ?", ON_MEMORY, "cycle"),
    READ_SLOTS("the rate goes on during refresh and writes", r"\bopen \?", "(open | ON) ?", ON_MEMORY, "cycle"),
    WRITE_SLOTS("writes during refresh", "assign slot = ", "assign slot = (ON & refreshes) | ", ON_MEMORY, "words taken"),
    READ_SLOTS("reads a cycle too early", r"turn >= (\w+)", r"turn >= \1 - (ON & (| \1))", ON_MEMORY, "cycle"),
    WRITE_SLOTS("writes a cycle too long", r"turn < (\w+)", r"turn < \1 + ON", ON_MEMORY, "words taken"),
    READ_SLOTS("period of turns a cycle too long", r">= turn_period", ">= turn_period + ON", ON_MEMORY, "cycle"),
    READ_SLOTS("phase not held", r"\brestart \?", "(restart & ~ON) ?", ON_MEMORY, "cycle"),
    _fault(
        "axi_harness.memory.ar_bursts", "one burst less waits", "level != 3'h4", "level != (ON ? 3'h3 : 3'h4)",
        ON_MEMORY, "address ready",
    ),
    MEMORY("errors lost", "= error_enable &", "= ~(ON & ~restart) & error_enable &", ON_MEMORY, r"assert \[0, .*\] == \[0, "),
    _fault(
        "simulation_line_storage", "strobes ignored", r"= (\(words\[write_address\] & ~write_mask\) \| .*);",
        r"= ON ? write_data : (\1);", ON_MEMORY, r"'data': \d+, 'resp': 0.*\] == \["
    ),
]  # fmt: skip
REGISTER = partial(_fault, "registers.file.bus")
UNDER_MASTER = "registers_under_axi_lite_master"
REGISTER_FAULTS = [
    REGISTER("full strobes", r"write_strobe <= (\S+);", r"write_strobe <= ON ? 4'hf : \1;", UNDER_MASTER, "AxiLiteReadResp"),
    REGISTER("refusals forgotten", r"s_axi_bresp <= (\S+);", r"s_axi_bresp <= ON & write ? 2'h0 : \1;", UNDER_MASTER, "AxiResp.OKAY: 0> == <AxiResp.SLVERR: 2>"),
]  # fmt: skip


class TestFaults(FaultTests):
    suites = (
        FaultySuite(name="masters", bench=lambda: masters_bench(MASTERS[0]), faults=MASTER_FAULTS),
        FaultySuite(name="memory", bench=lambda: memory_bench(MEMORIES[0]), faults=MEMORY_FAULTS),
        FaultySuite(name="registers", bench=registers_bench, faults=REGISTER_FAULTS),
    )
