"""Software of the NPE's benches: fills memory, starts the NPE, and waits."""

from tilewright.bench.host import TIMEOUT_CYCLES
from tilewright.bench.npe_host import NpeEnding, NpeHost
from tilewright.cocotb_tests.harness.axi_driver import AxiBench
from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.config.npe import NpeConfig


class NpeBench(AxiBench, NpeHost):
    """Drives the harness of an NPE.

    An option of the job is ``memory_bytes``.
    """

    def __init__(self, dut):
        self.job = received()
        self.config: NpeConfig = self.job.config
        NpeHost.__init__(self, dut)
        AxiBench.__init__(
            self,
            dut,
            bus_bytes=self.config.bus_bytes,
            memory_bytes=self.job.options["memory_bytes"],
            seed=self.job.seed,
        )

    async def run(self, address: int, count: int, timeout_cycles: int = TIMEOUT_CYCLES) -> NpeEnding:
        """Start descriptors and wait for their end; the observer of the bus sees this start alone."""
        await self.restart()
        return await super().run(address, count, timeout_cycles)
