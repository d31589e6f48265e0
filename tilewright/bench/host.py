"""Software of a block with AXI4-Lite registers and an interrupt: start, wait, errors, counters."""

from typing import Any, ClassVar

from cocotb.triggers import FallingEdge, First, RisingEdge, Timer

from tilewright.bench.axi_memory import AxiMemory
from tilewright.bench.clock import CLOCK_NS
from tilewright.bench.register_port import RegisterPort

BUSY, DONE, FAILED = 0b001, 0b010, 0b100
"""Contents of STATUS during a start, and at its end."""
TIMEOUT_CYCLES = 200_000
"""Number of cycles after which a start that does not end is given up, unless a bench says another."""


class Host(RegisterPort):
    """Software of a block; :class:`.npe_host.NpeHost` and :class:`.accelerator_host.AcceleratorHost` say of which.

    Parameters
    ----------
    dut
        Handle of a circuit with ports ``clk``, ``irq`` and ``s_axi_...``.
    memory : AxiMemory, optional
        Memory of the circuit, whose rates begin anew with each start.
    clock_ns : float
        Period of the clock in nanoseconds.
    """

    REGISTERS: ClassVar[Any]
    """Enumeration of the registers' offsets; it contains STATUS, ERROR, IRQ_ENABLE, IRQ_STATUS."""
    counters: tuple[Any, ...]
    """Registers that count."""

    def __init__(self, dut: Any, *, memory: AxiMemory | None = None, clock_ns: float = CLOCK_NS):
        super().__init__(dut)
        self.memory = memory
        self.clock_ns = clock_ns

    async def _start(self, values: dict[Any, int]) -> None:
        """Write registers of a start, CONTROL last."""
        if self.memory is not None:
            self.memory.restart()
        await self.set_registers(values)

    async def enable_interrupt(self) -> None:
        """Let the block raise its interrupt at the end of each start; a reset undoes this."""
        await self.set_registers({self.REGISTERS.IRQ_ENABLE: 1})

    async def interrupted(self, timeout_cycles: int) -> None:
        """Wait for the interrupt.

        Raises
        ------
        AssertionError
            If it does not come within ``timeout_cycles``.
        """
        dut = self.dut
        if dut.irq.value != 1:
            # A timer costs nothing between its begin and its end; counting cycles would cost in each.
            await First(RisingEdge(dut.irq), Timer(self.clock_ns * timeout_cycles, unit="ns"))
        await FallingEdge(dut.clk)
        if dut.irq.value != 1:
            raise AssertionError(f"no interrupt after {timeout_cycles} cycles")

    async def read_ending(self, timeout_cycles: int) -> tuple[int, int, dict[Any, int]]:
        """Wait for the interrupt, read the result of the start, and clear the interrupt.

        Returns the error's code and detail, and the counters.

        Raises
        ------
        AssertionError
            If the interrupt does not come or cannot be cleared, or registers contradict one another.
        """
        registers = self.REGISTERS
        await self.interrupted(timeout_cycles)
        status = await self.get(registers.STATUS)
        word = await self.get(registers.ERROR)
        counters = {register: await self.get(register) for register in self.counters}
        assert status == (FAILED if word & 255 else DONE), f"STATUS {status:#x} with error {word & 255}"
        assert await self.get(registers.IRQ_STATUS) == 1, "IRQ_STATUS is 0 with an interrupt"
        await self.write(registers.IRQ_STATUS, 1)
        assert self.dut.irq.value == 0, "the interrupt cannot be cleared"
        return word & 255, word >> 8, counters
