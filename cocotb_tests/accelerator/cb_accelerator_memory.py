"""The accelerator on the memory in Python that users have, beside the exact model: all of memory, all cycles."""

from time import process_time

import cocotb
import numpy as np

from tilewright.bench.accelerator_host import AcceleratorHost
from tilewright.bench.axi_memory import AxiMemory
from tilewright.bench.clock import start_and_reset
from tilewright.bench.golden import predict_program, program_differences
from tilewright.bench.scoreboard import memory_differences
from tilewright.cocotb_tests.harness.job import received, return_rows
from tilewright.hw.accelerator.accelerator import NPE_PREFIX
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

BENCH = "tilewright.cocotb_tests.accelerator.cb_accelerator_memory"
"""Name of this module, as cocotb imports it."""


@cocotb.test()
async def cases(dut) -> None:
    """The programs of all cases, then those of the first one with random waits; returns cycles and CPU seconds."""
    job = received()
    size = job.options["memory_bytes"]
    prefixes = ("m_axi_",) if job.config.npe is None else ("m_axi_", NPE_PREFIX)
    memory = AxiMemory(dut, size, seed=job.seed, prefixes=prefixes)
    host = AcceleratorHost(dut, job.config, memory=memory)
    await start_and_reset(dut)
    rows = []
    for case, stall in (*((case, 0.0) for case in job.cases), (job.cases[0], 0.4)):
        memory.content[:] = 0
        memory.write(0, case.memory)
        memory.timing, memory.stall = case.timing, dict.fromkeys(("ar", "r", "aw", "w", "b"), stall)
        model = AcceleratorModel(job.config, np.zeros(size, np.uint8))
        model.memory[:] = memory.content
        for run in case.runs:
            for address, patch in run.patches:
                memory.write(address, patch)
                model.memory[address : address + len(patch)] = patch
            predicted = predict_program(model, run.address, case.timing)
            begin = process_time()
            ended = await host.run(run.address)
            seconds = process_time() - begin
            found = program_differences(ended, predicted, timed=not stall)
            found.append(memory_differences(memory.content, model.memory))
            assert not any(found), f"{case.name}, {run.name}: {'; '.join(filter(None, found))}"
            assert memory.idle, f"{case.name}, {run.name}: something is in flight"
            rows.append({"cycles": ended.counters[Register.CYCLES], "seconds": seconds, "stalled": bool(stall)})
    return_rows(rows)
