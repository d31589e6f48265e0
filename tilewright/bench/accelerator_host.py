"""Software of an accelerator: starts programs and reads how they ended."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tilewright.bench.axi_memory import AxiMemory
from tilewright.bench.clock import CLOCK_NS
from tilewright.bench.host import TIMEOUT_CYCLES, Host
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import Register, registers_of
from tilewright.sim.isa.errors import AcceleratorError


@dataclass(frozen=True)
class AcceleratorEnding:
    """State that software reads when a program has ended."""

    error: AcceleratorError
    """Reason for which the program was stopped; ``AcceleratorError.NONE`` after success."""
    detail: int
    """Detail of the error: docs/program.md says what it means."""
    index: int
    """Number of the command at which the program was stopped."""
    counters: dict[Register, int]
    """Contents of the registers that count, such as ``Register.CYCLES``."""


class AcceleratorHost(Host):
    """Software of an accelerator.

    Parameters
    ----------
    dut
        Handle of a circuit with ports ``clk``, ``irq`` and ``s_axi_...``.
    config : AcceleratorConfig
        Description of the accelerator, which says which counters it has.
    memory : AxiMemory, optional
        Memory of the accelerator, whose rates begin anew with each start.
    clock_ns : float
        Period of the clock in nanoseconds.
    """

    REGISTERS: ClassVar[Any] = Register

    def __init__(
        self, dut: Any, config: AcceleratorConfig, *, memory: AxiMemory | None = None, clock_ns: float = CLOCK_NS
    ):
        super().__init__(dut, memory=memory, clock_ns=clock_ns)
        self.config = config
        self.counters = tuple(register for register in registers_of(config) if register.counts)

    async def start(self, address: int) -> None:
        """Start the program that lies in memory at ``address``.

        Raises
        ------
        AssertionError
            If the accelerator refuses, which it does while it is busy.
        """
        await self._start(
            {
                Register.PROGRAM_LOW: address & 0xFFFFFFFF,
                Register.PROGRAM_HIGH: address >> 32,
                Register.CONTROL: 1,
            }
        )

    async def ending(self, timeout_cycles: int = TIMEOUT_CYCLES) -> AcceleratorEnding:
        """Wait for the end of a program; return what the registers say and clear the interrupt.

        Raises
        ------
        AssertionError
            If the end does not come, or registers contradict one another.
        """
        code, detail, counters = await self.read_ending(timeout_cycles)
        return AcceleratorEnding(AcceleratorError(code), detail, await self.get(Register.ERROR_INDEX), counters)

    async def run(self, address: int, timeout_cycles: int = TIMEOUT_CYCLES) -> AcceleratorEnding:
        """Enable the interrupt, start a program and wait for its end, see :meth:`start` and :meth:`ending`."""
        await self.enable_interrupt()
        await self.start(address)
        return await self.ending(timeout_cycles)
