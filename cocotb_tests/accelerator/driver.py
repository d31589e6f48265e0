"""Software of the accelerator's benches: starts programs and reads their results."""

from dataclasses import dataclass

from tilewright.cocotb_tests.accelerator.cases import Run
from tilewright.cocotb_tests.harness.axi_driver import AxiBench
from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import Register, registers_of
from tilewright.sim.isa.errors import AcceleratorError


@dataclass(frozen=True)
class Ending:
    """State that software reads when a program has ended."""

    error: AcceleratorError
    detail: int
    index: int
    counters: dict[Register, int]


class AcceleratorBench(AxiBench):
    """Drives the harness of an accelerator; an option of the job is ``memory_bytes``."""

    REGISTERS = Register

    def __init__(self, dut):
        self.job = received()
        self.config: AcceleratorConfig = self.job.config
        self.counters = tuple(register for register in registers_of(self.config) if register.counts)
        super().__init__(
            dut, bus_bytes=self.config.bus_bytes, memory_bytes=self.job.options["memory_bytes"], seed=self.job.seed
        )  # fmt: skip

    async def prepare(self, run: Run) -> None:
        """Write the patches of a run into memory, and set the error that memory must answer with."""
        for address, patch in run.patches:
            await self.fill(patch, address)
        if run.failure is None:
            self.set_error(None)
        else:
            self.set_error(run.failure.bus_address, run.failure.bus_response)

    async def start(self, address: int) -> None:
        """Start a program."""
        await self.set_registers(
            {
                Register.PROGRAM_LOW: address & 0xFFFFFFFF,
                Register.PROGRAM_HIGH: address >> 32,
                Register.CONTROL: 1,
            }
        )

    async def ending(self, timeout_cycles: int) -> Ending:
        """Return the contents of the registers at the end; it raises what :meth:`read_ending` raises."""
        code, detail, counters = await self.read_ending(timeout_cycles)
        return Ending(AcceleratorError(code), detail, await self.get(Register.ERROR_INDEX), counters)

    async def run(self, address: int, timeout_cycles: int) -> Ending:
        """Start a program and wait for its end."""
        await self.restart()
        await self.start(address)
        return await self.ending(timeout_cycles)
