"""Faults planted in the bus parts: each one must be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import Module, Mux

from tilewright.cocotb_tests.axi import cb_axi, cb_axi_memory, cb_axi_slaves
from tilewright.cocotb_tests.axi import harness as axi_harness
from tilewright.cocotb_tests.axi.harness import TOP, MastersHarness
from tilewright.cocotb_tests.axi.suite import MASTERS, MEMORIES, REGISTERS, memory_verilog, registers_verilog, run
from tilewright.cocotb_tests.harness.faults import plant
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.bus import bursts, register_file
from tilewright.hw.memory import axi_memory
from tilewright.hw.verilog import convert

pytestmark = pytest.mark.cosim


@dataclass(frozen=True)
class Fault:
    """Something of a module or class that is replaced while a design is elaborated, and the test and message that must tell.

    ``wrong`` makes the faulty thing of the right one.
    """

    name: str
    owner: Any
    what: str
    wrong: Callable
    testcase: str
    said: str


def also(*statements: Callable) -> Callable:
    """Make a component whose outputs are what ``statements`` add: the last assignment of a signal counts."""

    def wrong(right):
        def elaborate(self, platform):
            m = right.elaborate(self, platform)
            for statement in statements:
                statement(m, self)
            return m

        return type(right.__name__, (right,), {"elaborate": elaborate})

    return wrong


def withdraws_address(m: Module, master) -> None:
    with m.If(master.stop):
        m.d.sync += master.m_axi_arvalid.eq(0)


def keeps_strobes(m: Module, master) -> None:
    with m.If(master.stop & (~master.m_axi_wvalid | master.m_axi_wready)):
        m.d.sync += master.m_axi_wstrb.eq(master.words.p.strobe)


def leaves_words_out(m: Module, master) -> None:
    with m.If(master.stop & (~master.m_axi_wvalid | master.m_axi_wready)):
        m.d.sync += master.m_axi_wvalid.eq(0)


def last_of_two(m: Module, master) -> None:
    with m.If(~master.m_axi_wvalid | master.m_axi_wready):
        m.d.sync += master.m_axi_wlast.eq(master.words.p.data[0])


def one_more(right):
    def elaborate(self, platform):
        self.outstanding += 1
        return right.elaborate(self, platform)

    return type(right.__name__, (right,), {"elaborate": elaborate})


def late(right):
    return lambda m, name, layout, depth, now, latency: right(m, name, layout, depth, now, latency + 1)


def shallow(right):
    return lambda m, name, layout, depth: right(m, name, layout, depth - 1)


def free_running(memory, m: Module, name: str, words, cycles):
    m.submodules[name] = slots = axi_memory.RateSlots()
    m.d.comb += [slots.words.eq(words), slots.cycles.eq(cycles)]
    return slots


def full_strobes(m: Module, slave) -> None:
    m.d.sync += slave.write_strobe.eq(0b1111)


def forgets_refusals(m: Module, slave) -> None:
    with m.If(slave.write):
        m.d.sync += slave.s_axi_bresp.eq(0)


MASTER_FAULTS = [
    Fault("pages of 8 KiB", bursts, "PAGE_BYTES", lambda right: 2 * right, "random_transfers", "4 KiB"),
    Fault("one burst too many", axi_harness, "ReadMaster", one_more, "random_transfers", "too many reads"),
    Fault("one write too many", axi_harness, "WriteMaster", one_more, "random_transfers", "too many writes"),
    Fault("address withdrawn on stop", axi_harness, "ReadMaster", also(withdraws_address), "stop_anywhere", "an offered read address|not idle"),
    Fault("wlast wrong", axi_harness, "WriteMaster", also(last_of_two), "random_transfers", "random_transfers"),
    Fault("words sent after stop", axi_harness, "WriteMaster", also(keeps_strobes), "stop_anywhere", "after stop"),
    Fault("bursts not completed on stop", axi_harness, "WriteMaster", also(leaves_words_out), "stop_anywhere", "not idle"),
    Fault(
        "responses of reads lost", axi_harness, "ReadMaster",
        also(lambda m, master: m.d.comb.__iadd__(master.words.p.error.eq(0))), "errors", "errors",
    ),
    Fault(
        "done with every burst", axi_harness, "WriteMaster",
        also(lambda m, master: m.d.comb.__iadd__(master.done.eq(master.m_axi_bvalid))), "errors", "errors",
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", MASTER_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_master_is_seen(tmp_path, monkeypatch, fault):
    monkeypatch.setattr(fault.owner, fault.what, fault.wrong(getattr(fault.owner, fault.what)))
    verilog = convert(MastersHarness(**MASTERS[0]), TOP)
    with pytest.raises(BenchError, match=fault.said):
        run(tmp_path, verilog, TOP, cb_axi.BENCH, fault.testcase, **MASTERS[0])


TEXT_FAULTS = [
    # A place for a burst is lost when one ends in the cycle in which another begins.
    ("credits leak", "reads", r"(- )ended;", r"\1(ended & ~w_en);", "random_transfers"),
    ("queue not reset", "reads.finals", r"if \(rst\)", "if (1'b0)", "reset_anywhere"),
    ("bursts not reset", "writes.lengths", r"if \(rst\)", "if (1'b0)", "reset_anywhere"),
]


@pytest.mark.parametrize("fault", TEXT_FAULTS, ids=lambda fault: fault[0])
def test_a_fault_in_the_text_of_a_master_is_seen(tmp_path, fault):
    _, module, pattern, replacement, testcase = fault
    verilog = convert(MastersHarness(**MASTERS[0]), TOP)
    with pytest.raises(BenchError, match=testcase):
        run(
            tmp_path, plant(verilog, f"{TOP}.{module}", pattern, replacement), TOP, cb_axi.BENCH, testcase, **MASTERS[0]
        )


MEMORY_FAULTS = [
    Fault("a cycle too late", axi_memory, "_Delayed", late, "masters_on_memory", "valid = "),
    Fault(
        "rate ignored", axi_memory, "RateSlots",
        also(lambda m, slots: m.d.comb.__iadd__(slots.slot.eq(1))), "masters_on_memory", "cycle",
    ),
    Fault("phase not held", axi_memory.AxiMemory, "_slots", lambda right: free_running, "masters_on_memory", "cycle"),
    Fault("one burst less waits", axi_memory, "_Bursts", shallow, "masters_on_memory", "address ready"),
    Fault(
        "errors lost", axi_memory.AxiMemory, "_hit",
        lambda right: lambda self, address: Mux(self.restart, right(self, address), 0), "masters_on_memory", "masters",
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", MEMORY_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_memory_is_seen(tmp_path, monkeypatch, fault):
    monkeypatch.setattr(fault.owner, fault.what, fault.wrong(getattr(fault.owner, fault.what)))
    job = {**MEMORIES[0], "rounds": 20}
    with pytest.raises(BenchError, match=fault.said):
        run(tmp_path, memory_verilog(job), TOP, cb_axi_memory.BENCH, fault.testcase, **job)


def test_a_memory_that_ignores_strobes_is_seen(tmp_path):
    job = {**MEMORIES[0], "rounds": 20}
    verilog = memory_verilog(job)
    faulty = verilog.replace("(words[write_address] & ~write_mask) | (write_data & write_mask)", "write_data")
    assert faulty != verilog
    with pytest.raises(BenchError, match="masters_on_memory"):
        run(tmp_path, faulty, TOP, cb_axi_memory.BENCH, "masters_on_memory", **job)


@pytest.mark.parametrize("statement", [full_strobes, forgets_refusals], ids=lambda statement: statement.__name__)
def test_a_fault_of_the_registers_is_seen(tmp_path, monkeypatch, statement):
    monkeypatch.setattr(register_file, "AxiLiteSlave", also(statement)(register_file.AxiLiteSlave))
    with pytest.raises(BenchError, match="registers_under"):
        run(
            tmp_path,
            registers_verilog(),
            "registers",
            cb_axi_slaves.BENCH,
            "registers_under_axi_lite_master",
            **REGISTERS,
        )
