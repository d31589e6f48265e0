"""The bus parts under Verilator, against cocotbext-axi and against the cycles that they promise; and planted faults."""

import pytest

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.axi import cb_axi, cb_axi_memory, cb_axi_slaves
from tilewright.cocotb_tests.axi.harness import TOP, MastersHarness
from tilewright.cocotb_tests.axi.suite import MASTERS, MEMORIES, REGISTERS, memory_verilog, registers_verilog, run
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.verilog import convert

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize("bus", MASTERS, ids=lambda bus: f"{bus['data_bits']}x{bus['max_burst']}")
@pytest.mark.parametrize("testcase", ["random_transfers", "stop_anywhere", "reset_anywhere", "errors"])
def test_masters(tmp_path, bus, testcase):
    run(tmp_path, convert(MastersHarness(**bus), TOP), TOP, cb_axi.BENCH, testcase, **bus)


@pytest.mark.parametrize("job", MEMORIES, ids=lambda job: f"{job['data_bits']}x{job['words']}")
@pytest.mark.parametrize("testcase", ["masters_on_memory", "full_rate"])
def test_memory(tmp_path, job, testcase):
    if job["outstanding"] == 1 and testcase == "full_rate":
        job = {**job, "outstanding": 4}
    run(tmp_path, memory_verilog(job), TOP, cb_axi_memory.BENCH, testcase, **{"rounds": 20, **job})


@pytest.mark.parametrize("job", MEMORIES, ids=lambda job: f"{job['data_bits']}x{job['words']}")
def test_memory_under_axi_master(tmp_path, job):
    names = ("address_bits", "data_bits", "words", "line_words", "requests", "max_latency")
    memory = AxiMemory(**{name: job[name] for name in names})
    verilog = convert(memory, "axi_memory") + AxiMemory.SOURCE.read_text()
    assert runner.lint(verilog, "axi_memory") == ""
    run(tmp_path, verilog, "axi_memory", cb_axi_slaves.BENCH, "memory_under_axi_master", **job)


def test_registers_under_axi_lite_master(tmp_path):
    verilog = registers_verilog()
    assert runner.lint(verilog, "registers") == ""
    run(tmp_path, verilog, "registers", cb_axi_slaves.BENCH, "registers_under_axi_lite_master", **REGISTERS)
