"""The whole NPE on the memory in Python that users have, beside the exact model: all of memory, all cycles."""

from dataclasses import replace

import cocotb
from cocotb.triggers import ClockCycles

from tilewright.bench.axi_memory import AxiMemory
from tilewright.bench.clock import start_and_reset
from tilewright.bench.golden import npe_differences, predict_npe
from tilewright.bench.npe_host import NpeHost
from tilewright.bench.npe_jobs import ImageBuilder
from tilewright.bench.register_port import DECERR, SLVERR
from tilewright.bench.scoreboard import memory_differences
from tilewright.cocotb_tests.harness.job import received
from tilewright.cocotb_tests.npe.cases import Case
from tilewright.sim.isa.npe_registers import NpeError

BENCH = "tilewright.cocotb_tests.npe.cb_npe_memory"
"""Name of this module, as cocotb imports it."""


async def run_case(host: NpeHost, memory: AxiMemory, case: Case) -> None:
    """Run a case and compare memory, counters and cycles.

    Raises
    ------
    AssertionError
        If anything differs.
    """
    config = received().config
    image = ImageBuilder(config, case.seed).build(case.jobs)
    memory.content[:] = 0
    memory.write(0, image.memory)
    memory.timing = case.timing
    timed = not any(memory.stall.values())
    predicted = predict_npe(config, memory.content, image.address, len(case.jobs), case.timing)
    ended = await host.run(image.address, len(case.jobs))
    found = npe_differences(ended, predicted, timed=timed)
    found.append(memory_differences(memory.content, predicted.memory))
    assert not any(found), f"{case.name}: {'; '.join(filter(None, found))}"
    assert memory.idle, f"{case.name}: something is in flight"
    beats = (memory.read_beats, memory.write_beats)
    counted = tuple(ended.counters[register] for register in host.counters[-2:])
    assert beats == counted, f"{case.name}: memory saw {beats} beats, registers counted {counted}"


@cocotb.test()
async def cases(dut) -> None:
    """Every case in the cycles of the exact model; then with random waits, an error, and a reset in flight."""
    job = received()
    memory = AxiMemory(dut, job.options["memory_bytes"], seed=job.seed)
    host = NpeHost(dut, memory=memory)
    await start_and_reset(dut)
    await host.enable_interrupt()
    for case in job.cases:
        await run_case(host, memory, case)
    memory.stall = {"ar": 0.3, "r": 0.6, "aw": 0.3, "w": 0.5, "b": 0.7}
    for case in job.cases[:2]:
        await run_case(host, memory, case)
    memory.stall = {}

    image = ImageBuilder(job.config, job.cases[0].seed).build(job.cases[0].jobs)
    for response, error in ((SLVERR, NpeError.READ_SLVERR), (DECERR, NpeError.READ_DECERR)):
        memory.bad_address, memory.bad_response = image.address + 1, response
        ended = await host.run(image.address, 1)
        assert (ended.error, ended.completed) == (error, 0), f"{ended} with response {response}"
    memory.bad_address = None
    await host.start(image.address, 1)
    await ClockCycles(dut.clk, 40)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    memory.clear()
    dut.rst.value = 0
    await host.enable_interrupt()
    await run_case(host, memory, replace(job.cases[0], name="after a reset"))
