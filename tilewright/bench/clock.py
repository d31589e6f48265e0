"""Clock and reset of a bench."""

from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

CLOCK_NS = 2
"""Period of the clock, unless a bench says another."""


async def start_and_reset(dut: Any, *, clock_ns: float = CLOCK_NS, cycles: int = 2) -> None:
    """Start the clock ``clk`` of a circuit, and hold its reset ``rst`` for some cycles.

    Make the drivers of the circuit's ports first: they set its inputs to what they are at rest.
    """
    dut.rst.value = 1
    Clock(dut.clk, clock_ns, unit="ns").start()
    await ClockCycles(dut.clk, cycles)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
