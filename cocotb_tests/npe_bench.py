"""What benches of the matrix co-processor have in common: software that fills memory, starts, and waits."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from tilewright.cocotb_tests.axi_bench import DONE, FAILED, OKAY, AxiBench
from tilewright.sim.config.npe import ErrorCode, NpeConfig, Register

COUNTERS = (
    Register.CYCLES,
    Register.BUSY,
    Register.STALL_LOAD,
    Register.STALL_STORE,
    Register.READ_BEATS,
    Register.WRITE_BEATS,
)


@dataclass(frozen=True)
class Ending:
    """What software reads when a start has ended."""

    error: ErrorCode
    detail: int
    completed: int
    counters: dict[Register, int]


class NpeBench(AxiBench):
    """Drives the harness of a co-processor.

    The job of the runner, in a JSON file, has at least ``config``, ``memory_bytes`` and ``seed``.
    """

    IRQ_ENABLE = Register.IRQ_ENABLE

    def __init__(self, dut):
        self.job = json.loads(Path(os.environ["TILEWRIGHT_JOB"]).read_text())
        self.config = NpeConfig.model_validate(self.job["config"])
        super().__init__(
            dut,
            bus_bytes=self.config.bus_bytes,
            memory_bytes=self.job["memory_bytes"],
            seed=self.job["seed"],
        )

    async def start(self, address: int, count: int) -> None:
        """Start descriptors."""
        for register, value in (
            (Register.DESCRIPTOR_LOW, address & 0xFFFFFFFF),
            (Register.DESCRIPTOR_HIGH, address >> 32),
            (Register.COUNT, count),
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
        ended = Ending(ErrorCode(word & 255), word >> 8, await self.get(Register.COMPLETED), counters)
        assert status == (FAILED if ended.error else DONE), f"STATUS {status:#x} with error {ended.error.name}"
        assert counters[Register.CYCLES] == int(dut.cycles.value), f"CYCLES {counters[Register.CYCLES]}"
        assert counters[Register.READ_BEATS] == int(dut.read_beats.value)
        assert counters[Register.WRITE_BEATS] == int(dut.write_beats.value)
        assert await self.get(Register.IRQ_STATUS) == 1
        await self.write(Register.IRQ_STATUS, 1)
        assert dut.irq.value == 0, "the interrupt cannot be cleared"
        return ended

    async def run(self, address: int, count: int, timeout_cycles: int) -> Ending:
        """Start descriptors and wait for their end."""
        await self.restart()
        await self.start(address, count)
        return await self.ending(timeout_cycles)
