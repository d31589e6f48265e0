"""The bus parts under Verilator, against cocotbext-axi and against the cycles that they promise."""

from collections.abc import Sequence

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


def buses(sizes: Sequence[dict], other: str) -> list:
    """Return buses as parameters, named by their width and another number; all but the first one are slow."""
    return [
        pytest.param(size, id=f"{size['data_bits']}x{size[other]}", marks=[pytest.mark.slow] * (size is not sizes[0]))
        for size in sizes
    ]


@pytest.mark.parametrize("bus", buses(MASTERS, "max_burst"))
@pytest.mark.parametrize("testcase", ["random_transfers", "stop_anywhere", "reset_anywhere", "errors"])
def test_masters(bus, testcase):
    masters_bench(bus).simulate(testcase)


@pytest.mark.parametrize("memory", buses(MEMORIES, "words"))
@pytest.mark.parametrize("testcase", ["masters_on_memory", "full_rate"])
def test_memory(memory, testcase):
    if memory["outstanding"] == 1 and testcase == "full_rate":
        memory = {**memory, "outstanding": 4}
    memory_bench(memory).simulate(testcase)


@pytest.mark.parametrize("memory", buses(MEMORIES, "words"))
def test_memory_under_axi_master(memory):
    bench = memory_alone_bench(memory)
    assert runner.lint(bench.verilog(), bench.top) == ""
    bench.simulate("memory_under_axi_master")


def test_registers_under_axi_lite_master():
    bench = registers_bench()
    assert runner.lint(bench.verilog(), bench.top) == ""
    bench.simulate("registers_under_axi_lite_master")
