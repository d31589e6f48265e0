"""Software of the accelerator's benches: starts programs and reads their results."""

from tilewright.bench.accelerator_host import AcceleratorEnding, AcceleratorHost
from tilewright.bench.host import TIMEOUT_CYCLES
from tilewright.bench.program_cases import Run
from tilewright.cocotb_tests.harness.axi_driver import AxiBench
from tilewright.cocotb_tests.harness.job import received


class AcceleratorBench(AxiBench, AcceleratorHost):
    """Drives the harness of an accelerator; an option of the job is ``memory_bytes``."""

    def __init__(self, dut):
        self.job = received()
        AcceleratorHost.__init__(self, dut, self.job.config)
        AxiBench.__init__(
            self,
            dut,
            bus_bytes=self.config.bus_bytes,
            memory_bytes=self.job.options["memory_bytes"],
            seed=self.job.seed,
        )

    async def prepare(self, run: Run) -> None:
        """Write the patches of a run into memory, and set the error that memory must answer with."""
        for address, patch in run.patches:
            await self.fill(patch, address)
        if run.failure is None:
            self.set_error(None)
        else:
            self.set_error(run.failure.bus_address, run.failure.bus_response)

    async def run(self, address: int, timeout_cycles: int = TIMEOUT_CYCLES) -> AcceleratorEnding:
        """Start a program and wait for its end; the observer of the bus sees this start alone."""
        await self.restart()
        return await super().run(address, timeout_cycles)
