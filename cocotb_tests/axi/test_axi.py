"""The bus parts under Verilator, against cocotbext-axi and against the cycles that they promise."""

import pytest

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.axi.suite import (
    MASTERS,
    MEMORIES,
    masters_bench,
    memory_alone_bench,
    memory_bench,
    registers_bench,
)

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize("bus", MASTERS, ids=lambda bus: f"{bus['data_bits']}x{bus['max_burst']}")
@pytest.mark.parametrize("testcase", ["random_transfers", "stop_anywhere", "reset_anywhere", "errors"])
def test_masters(bus, testcase):
    masters_bench(bus).simulate(testcase)


@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: f"{memory['data_bits']}x{memory['words']}")
@pytest.mark.parametrize("testcase", ["masters_on_memory", "full_rate"])
def test_memory(memory, testcase):
    if memory["outstanding"] == 1 and testcase == "full_rate":
        memory = {**memory, "outstanding": 4}
    memory_bench(memory).simulate(testcase)


@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: f"{memory['data_bits']}x{memory['words']}")
def test_memory_under_axi_master(memory):
    bench = memory_alone_bench(memory)
    assert runner.lint(bench.verilog(), bench.top) == ""
    bench.simulate("memory_under_axi_master")


def test_registers_under_axi_lite_master():
    bench = registers_bench()
    assert runner.lint(bench.verilog(), bench.top) == ""
    bench.simulate("registers_under_axi_lite_master")
