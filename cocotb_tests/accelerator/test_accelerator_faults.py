"""Faults planted in the accelerator's Verilog: the benches must see each.

All are in one model, each in force when the bench says its number.
"""

from functools import cache, partial

import pytest

from tilewright.cocotb_tests.accelerator.cases import Case
from tilewright.cocotb_tests.accelerator.faults import Fault, check_seen, with_faults
from tilewright.cocotb_tests.accelerator.suite import DESIGNS, failing_cases, random_cases, run, stalled_cases

pytestmark = [pytest.mark.cosim, pytest.mark.slow]

DESIGN = DESIGNS[0]


FAULTS = [
    Fault("a signal is not counted", ".scheduler", r"(signals_0_2 \+ )given0\[2\]", r"\1(given0[2] & ~ON)", "DEADLOCK"),
    Fault("a signal is not waited for", ".scheduler", r"= \| signals_0_2\s*;", "= ON | (| signals_0_2);"),
    Fault("a signal is taken twice", ".scheduler", r"signals_2_3 \+ given2\[3\]",
          "signals_2_3 + given2[3] - (ON & (| signals_2_3))"),
    Fault("ports that others hold", ".scheduler", r"(assign free[23] =) ~ (\S+) ;", r"\1 ON | ~ \2 ;"),
    Fault("pitch of loads", ".load", r"below \+ r_data\[111:80\]", "below + (ON ? 32'd8 : r_data[111:80])", "bytes differ"),
    Fault("rows in memory", ".load", r"\brow \+ (\S+) ;", r"row + (ON ? 32'd8 : \1 ) ;", "bytes differ"),
    Fault("credit for weights is lost", ".load", r"credit \+ (\S+) ;", r"credit + (ON ? 1'b0 : \1 );"),
    Fault("no credit for weights", ".load", r"= (credit >= [^;]*);", r"= ON | (\1);"),
    Fault("errors of loads", ".load", r"(assign failed =) (.*);", r"\1 ~ON & (\2);", "", "failing"),
    Fault("strobes", ".store", r"= begun \? 8'h00 :", "= (ON | begun) ? 8'h00 :", "bytes differ"),
    Fault("pitch of stores", ".store", r"from_row \+ command\[319:288\]", "from_row + (ON ? 32'd0 : command[319:288])",
          "bytes differ"),
    Fault("responses to writes", ".store.master", r"m_axi_bresp > worst", "~ON & (m_axi_bresp > worst)", "", "failing"),
    Fault("pitch of activations", ".array", r"(activation_stride =) (\{.*\});", r"\1 ON ? 32'd1 : \2;", "bytes differ"),
    Fault("a product ends with its first block", ".array", r"(assign done = block_ends &) (\S+) ;", r"\1 (ON | \2 );"),
    Fault("fences and ends that do not wait", ".processor", r"= ~ active;", "= ON | ~ active;"),
    Fault("five loops", ".processor", r"= loops == 3'h4;", "= ~ON & (loops == 3'h4);", "LOOP", "failing"),
    Fault("address registers are 0", ".processor", r"(\S+)\s+\+ command\[95:32\]", r"(ON ? 64'd0 : \1 ) + command[95:32]"),
    Fault("register 9", ".processor.check", r"= (command\[21:18\] > 4'h8);", r"= ~ON & (\1);", "REGISTER", "failing"),
    Fault("beyond memory", ".processor.check", r"= (\w+_end0 > 33'h100000000);", r"= ~ON & (\1);", "ADDRESS", "failing"),
    Fault("a read too many in flight", ".reader", r"= (in_flight != 2'h2);", r"= ON | (\1);", "too many reads in flight",
          "stalled"),
    Fault("deadlocks", "", r"= (still == 13'h1000);", r"= ~ON & (\1);", "no interrupt", "failing"),
]  # fmt: skip


@cache
def cases(kind: str) -> tuple[Case, ...]:
    """Return cases of a kind."""
    config = DESIGN.config
    if kind == "failing":
        return failing_cases(config, seed=11, kinds=("LOAD", "STORE", "five", "STORE without", "register"))
    if kind == "stalled":
        return stalled_cases(config, seed=12, cases=6, programs=2)
    return random_cases(config, seed=13, cases=3, programs=12)


@pytest.mark.parametrize("number", range(1, len(FAULTS) + 1), ids=lambda number: FAULTS[number - 1].name)
def test_a_planted_fault_is_seen(number):
    check_seen(DESIGN, FAULTS, number, cases(FAULTS[number - 1].cases))


@pytest.mark.parametrize("kind", sorted({fault.cases for fault in FAULTS}))
def test_without_a_fault_nothing_is_seen(kind):
    run(DESIGN, cases(kind), verilog_edit=partial(with_faults, faults=FAULTS))
