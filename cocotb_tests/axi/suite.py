"""Which bus parts are simulated, and how one cocotb test is run on them."""

import json
from pathlib import Path

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.axi.harness import TOP, MemoryHarness
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.npe.registers import Registers
from tilewright.hw.verilog import convert

MASTERS = [
    {"address_bits": 32, "data_bits": 64, "outstanding": 4, "max_burst": 16},
    {"address_bits": 40, "data_bits": 512, "outstanding": 1, "max_burst": 256},
]
"""Buses of the masters."""
MEMORIES = [
    {**MASTERS[0], "words": 6144, "line_words": 8, "requests": 4, "max_latency": 20},
    {**MASTERS[1], "words": 768, "line_words": 1, "requests": 16, "max_latency": 3},
]
"""Memories and the masters on them."""
REGISTERS = {"geometry": 32 | 2 << 8 | 6 << 16, "modes": 0x1FF, "rounds": 15}
"""Contents that the registers of :func:`registers_verilog` must have."""


def run(folder: Path, verilog: str, top: str, bench: str, testcase: str, **job) -> None:
    """Build some Verilog and run one cocotb test of module ``bench`` on it.

    Raises
    ------
    BenchError
        If the test fails.
    """
    path = folder / "job.json"
    path.write_text(json.dumps({"seed": 1, "rounds": 6, **job}))
    model = runner.build(verilog, top)
    runner.run(model, top, bench, folder=folder, env={"TILEWRIGHT_JOB": str(path)}, testcase=testcase)


def memory_verilog(job: dict) -> str:
    """Return masters on a memory as Verilog."""
    bus = {name: job[name] for name in ("address_bits", "data_bits")}
    memory = AxiMemory(**bus, **{name: job[name] for name in ("words", "line_words", "requests", "max_latency")})
    limits = {name: job[name] for name in ("outstanding", "max_burst")}
    return convert(MemoryHarness(**bus, **limits, memory=memory), TOP) + AxiMemory.SOURCE.read_text()


def registers_verilog() -> str:
    """Return the registers of a co-processor as Verilog."""
    return convert(Registers(rows=32, columns=2, bus_bytes=64, modes_mask=0x1FF), "registers")
