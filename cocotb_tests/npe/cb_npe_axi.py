"""The whole NPE between the AXI models of cocotbext-axi: a memory and a master that pause at random."""

import itertools
import random
from collections.abc import Iterator

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from tilewright.bench.npe_jobs import ImageBuilder
from tilewright.bench.scoreboard import memory_differences
from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.npe_registers import NPE_ID, NpeError, Register
from tilewright.sim.machine.npe import values as npe_values

BENCH = "tilewright.cocotb_tests.npe.cb_npe_axi"
"""Name of this module, as cocotb imports it."""
TIMEOUT_US = 1000


def pauses(rng: random.Random, share: float) -> Iterator[bool]:
    """Yield whether a channel pauses, cycle by cycle."""
    return (rng.random() < share for _ in itertools.count())


@cocotb.test()
async def random_pauses(dut) -> None:
    """Every case, with all of memory compared with the exact model."""
    job = received()
    config: NpeConfig = job.config
    rng = random.Random(job.seed)
    dut._log.info("seed %s", job.seed)
    Clock(dut.clk, 2, unit="ns").start()
    dut.rst.value = 1
    memory = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=job.options["memory_bytes"])
    registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)

    channels = [
        memory.read_if.ar_channel, memory.read_if.r_channel,
        memory.write_if.aw_channel, memory.write_if.w_channel, memory.write_if.b_channel,
        registers.write_if.aw_channel, registers.write_if.w_channel, registers.write_if.b_channel,
        registers.read_if.ar_channel, registers.read_if.r_channel,
    ]  # fmt: skip

    assert await registers.read_dword(Register.ID) == NPE_ID
    await registers.write_dword(Register.IRQ_ENABLE, 1)
    for case in job.cases:
        for channel in channels:
            channel.set_pause_generator(pauses(rng, rng.choice((0, 0.3, 0.7))))
        image = ImageBuilder(config, case.seed).build(case.jobs)
        expected = npe_values.run(config, image.memory, image.address, len(case.jobs))
        assert expected.error is NpeError.NONE
        memory.write(0, image.memory.tobytes())
        for register, value in (
            (Register.DESCRIPTOR_LOW, image.address),
            (Register.DESCRIPTOR_HIGH, 0),
            (Register.COUNT, len(case.jobs)),
            (Register.CONTROL, 1),
        ):
            await registers.write_dword(register, value)
        if dut.irq.value != 1:
            await First(RisingEdge(dut.irq), Timer(TIMEOUT_US, unit="us"))
        assert dut.irq.value == 1, f"{case.name}: no interrupt"
        assert await registers.read_dword(Register.STATUS) == 2, f"{case.name}: STATUS"
        assert await registers.read_dword(Register.COMPLETED) == len(case.jobs)
        await registers.write_dword(Register.IRQ_STATUS, 1)
        got = np.frombuffer(memory.read(0, len(image.memory)), np.uint8)
        assert (got == expected.memory).all(), f"{case.name}: {memory_differences(got, expected.memory)}"
