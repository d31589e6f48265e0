"""What benches of the accelerator have in common: software that starts programs and reads how they end."""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from tilewright.cocotb_tests.accelerator_cases import Job, Run
from tilewright.cocotb_tests.axi_bench import DONE, FAILED, OKAY, AxiBench
from tilewright.sim.config.accelerator import Register
from tilewright.sim.config.program import AcceleratorError

COUNTERS = tuple(register for register in Register if register >= Register.CYCLES)
"""Registers that count."""


@dataclass(frozen=True)
class Ending:
    """What software reads when a program has ended."""

    error: AcceleratorError
    detail: int
    index: int
    counters: dict[Register, int]


class AcceleratorBench(AxiBench):
    """Drives the harness of an accelerator; the runner's :class:`Job` comes as a file."""

    IRQ_ENABLE = Register.IRQ_ENABLE

    def __init__(self, dut):
        self.job: Job = pickle.loads(Path(os.environ["TILEWRIGHT_JOB"]).read_bytes())
        self.config = self.job.config
        super().__init__(
            dut, bus_bytes=self.config.bus_bytes, memory_bytes=self.job.memory_bytes, seed=self.job.seed
        )  # fmt: skip

    async def prepare(self, run: Run) -> None:
        """Write what comes anew into memory before a run, and let memory fail where it is to fail."""
        for address, patch in run.patches:
            await self.fill(patch, address)
        if run.failure is None:
            self.set_error(None)
        else:
            self.set_error(run.failure.bus_address, run.failure.bus_response)

    async def start(self, address: int) -> None:
        """Start a program."""
        for register, value in (
            (Register.PROGRAM_LOW, address & 0xFFFFFFFF),
            (Register.PROGRAM_HIGH, address >> 32),
            (Register.CONTROL, 1),
        ):
            response = await self.write(register, value)
            assert response == OKAY, f"{register.name} answers {response}"

    async def ending(self, timeout_cycles: int) -> Ending:
        """Wait for the interrupt, look after everything that must hold then, and return what the registers say.

        Raises
        ------
        AssertionError
            If it does not come, the bus was or is not left as it must be, or registers contradict one another or what
            was seen on the bus.
        """
        dut = self.dut
        await self.interrupted(timeout_cycles)
        status = await self.get(Register.STATUS)
        word = await self.get(Register.ERROR)
        counters = {register: await self.get(register) for register in COUNTERS}
        ended = Ending(AcceleratorError(word & 255), word >> 8, await self.get(Register.ERROR_INDEX), counters)
        assert status == (FAILED if ended.error else DONE), f"STATUS {status:#x} with error {ended.error.name}"
        assert counters[Register.CYCLES] == int(dut.cycles.value), f"CYCLES {counters[Register.CYCLES]}"
        assert counters[Register.READ_BEATS] == int(dut.read_beats.value)
        assert counters[Register.WRITE_BEATS] == int(dut.write_beats.value)
        assert await self.get(Register.IRQ_STATUS) == 1
        await self.write(Register.IRQ_STATUS, 1)
        assert dut.irq.value == 0, "the interrupt cannot be cleared"
        return ended

    async def run(self, address: int, timeout_cycles: int) -> Ending:
        """Start a program and wait for its end."""
        await self.restart()
        await self.start(address)
        return await self.ending(timeout_cycles)
