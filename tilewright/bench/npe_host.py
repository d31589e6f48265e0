"""Software of an NPE: starts descriptors and reads how they ended."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tilewright.bench.host import TIMEOUT_CYCLES, Host
from tilewright.sim.isa.npe_registers import NpeError, Register


@dataclass(frozen=True)
class NpeEnding:
    """State that software reads when a start has ended."""

    error: NpeError
    """Reason for which the NPE stopped; ``NpeError.NONE`` after success."""
    detail: int
    """Detail of the error: docs/npe.md says what it means."""
    completed: int
    """Number of jobs that were completed."""
    counters: dict[Register, int]
    """Contents of the registers that count, such as ``Register.CYCLES``."""


class NpeHost(Host):
    """Software of an NPE."""

    REGISTERS: ClassVar[Any] = Register
    counters = (
        Register.CYCLES,
        Register.BUSY,
        Register.STALL_LOAD,
        Register.STALL_STORE,
        Register.READ_BEATS,
        Register.WRITE_BEATS,
    )

    async def start(self, address: int, count: int) -> None:
        """Start ``count`` descriptors that lie in memory from ``address`` on.

        Raises
        ------
        AssertionError
            If the NPE refuses, which it does while it is busy.
        """
        await self._start(
            {
                Register.DESCRIPTOR_LOW: address & 0xFFFFFFFF,
                Register.DESCRIPTOR_HIGH: address >> 32,
                Register.COUNT: count,
                Register.CONTROL: 1,
            }
        )

    async def ending(self, timeout_cycles: int = TIMEOUT_CYCLES) -> NpeEnding:
        """Wait for the end of a start; return what the registers say and clear the interrupt.

        Raises
        ------
        AssertionError
            If the end does not come, or registers contradict one another.
        """
        code, detail, counters = await self.read_ending(timeout_cycles)
        return NpeEnding(NpeError(code), detail, await self.get(Register.COMPLETED), counters)

    async def run(self, address: int, count: int, timeout_cycles: int = TIMEOUT_CYCLES) -> NpeEnding:
        """Enable the interrupt, start descriptors and wait for their end, see :meth:`start` and :meth:`ending`."""
        await self.enable_interrupt()
        await self.start(address, count)
        return await self.ending(timeout_cycles)
