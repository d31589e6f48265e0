"""Software of the NPE's benches: fills memory, starts the NPE, and waits."""

from dataclasses import dataclass

from tilewright.cocotb_tests.harness.axi_driver import AxiBench
from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.npe_registers import NpeError, Register

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
    """State that software reads when a start has ended."""

    error: NpeError
    detail: int
    completed: int
    counters: dict[Register, int]


class NpeBench(AxiBench):
    """Drives the harness of an NPE.

    An option of the job is ``memory_bytes``.
    """

    REGISTERS = Register
    counters = COUNTERS

    def __init__(self, dut):
        self.job = received()
        self.config: NpeConfig = self.job.config
        super().__init__(
            dut,
            bus_bytes=self.config.bus_bytes,
            memory_bytes=self.job.options["memory_bytes"],
            seed=self.job.seed,
        )

    async def start(self, address: int, count: int) -> None:
        """Start the NPE on descriptors."""
        await self.set_registers(
            {
                Register.DESCRIPTOR_LOW: address & 0xFFFFFFFF,
                Register.DESCRIPTOR_HIGH: address >> 32,
                Register.COUNT: count,
                Register.CONTROL: 1,
            }
        )

    async def ending(self, timeout_cycles: int) -> Ending:
        """Return the contents of the registers at the end; it raises what :meth:`read_ending` raises."""
        code, detail, counters = await self.read_ending(timeout_cycles)
        return Ending(NpeError(code), detail, await self.get(Register.COMPLETED), counters)

    async def run(self, address: int, count: int, timeout_cycles: int) -> Ending:
        """Start descriptors and wait for their end."""
        await self.restart()
        await self.start(address, count)
        return await self.ending(timeout_cycles)
