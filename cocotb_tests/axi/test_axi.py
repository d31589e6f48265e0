"""The bus parts under Verilator, against cocotbext-axi and against the cycles that they promise; and planted faults."""

import json

import pytest

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.axi import cb_axi, cb_axi_memory, cb_axi_slaves
from tilewright.cocotb_tests.axi.harness import TOP, MastersHarness, MemoryHarness
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.npe.registers import Registers
from tilewright.hw.verilog import convert

pytestmark = pytest.mark.cosim

MASTERS = [
    {"address_bits": 32, "data_bits": 64, "outstanding": 4, "max_burst": 16},
    {"address_bits": 40, "data_bits": 512, "outstanding": 1, "max_burst": 256},
]


def run(tmp_path, verilog: str, top: str, bench: str, testcase: str, **job) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"seed": 1, "rounds": 6, **job}))
    model = runner.build(verilog, top)
    runner.run(model, top, bench, folder=tmp_path, env={"TILEWRIGHT_JOB": str(path)}, testcase=testcase)


@pytest.mark.parametrize("bus", MASTERS, ids=lambda bus: f"{bus['data_bits']}x{bus['max_burst']}")
@pytest.mark.parametrize("testcase", ["random_transfers", "stop_anywhere", "reset_anywhere", "errors"])
def test_masters(tmp_path, bus, testcase):
    run(tmp_path, convert(MastersHarness(**bus), TOP), TOP, cb_axi.BENCH, testcase, **bus)


MEMORIES = [
    {**MASTERS[0], "words": 6144, "line_words": 8, "requests": 4, "max_latency": 20},
    {**MASTERS[1], "words": 768, "line_words": 1, "requests": 16, "max_latency": 3},
]


def memory_harness(job: dict) -> str:
    bus = {name: job[name] for name in ("address_bits", "data_bits")}
    memory = AxiMemory(**bus, **{name: job[name] for name in ("words", "line_words", "requests", "max_latency")})
    limits = {name: job[name] for name in ("outstanding", "max_burst")}
    return convert(MemoryHarness(**bus, **limits, memory=memory), TOP) + AxiMemory.SOURCE.read_text()


@pytest.mark.parametrize("job", MEMORIES, ids=lambda job: f"{job['data_bits']}x{job['words']}")
@pytest.mark.parametrize("testcase", ["masters_on_memory", "full_rate"])
def test_memory(tmp_path, job, testcase):
    if job["outstanding"] == 1 and testcase == "full_rate":
        job = {**job, "outstanding": 4}
    run(tmp_path, memory_harness(job), TOP, cb_axi_memory.BENCH, testcase, **{"rounds": 20, **job})


@pytest.mark.parametrize("job", MEMORIES, ids=lambda job: f"{job['data_bits']}x{job['words']}")
def test_memory_under_axi_master(tmp_path, job):
    names = ("address_bits", "data_bits", "words", "line_words", "requests", "max_latency")
    memory = AxiMemory(**{name: job[name] for name in names})
    verilog = convert(memory, "axi_memory") + AxiMemory.SOURCE.read_text()
    assert runner.lint(verilog, "axi_memory") == ""
    run(tmp_path, verilog, "axi_memory", cb_axi_slaves.BENCH, "memory_under_axi_master", **job)


REGISTERS = {"geometry": 32 | 2 << 8 | 6 << 16, "modes": 0x1FF, "rounds": 15}


def registers() -> str:
    return convert(Registers(rows=32, columns=2, bus_bytes=64, modes_mask=0x1FF), "registers")


def test_registers_under_axi_lite_master(tmp_path):
    verilog = registers()
    assert runner.lint(verilog, "registers") == ""
    run(tmp_path, verilog, "registers", cb_axi_slaves.BENCH, "registers_under_axi_lite_master", **REGISTERS)
