"""Bench of clock gates: copies of a circuit, with gates and without, beside one another."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from tilewright.cocotb_tests.harness.job import received, return_rows

BENCH = "tilewright.cocotb_tests.harness.cb_clock_gates"
"""Name of this module, as cocotb imports it."""
IDLE_CYCLES = 20
"""Cycles without a change of the inputs after which nothing in the circuit changes any more."""


@cocotb.test()
async def lockstep(dut) -> None:
    """Inputs that change in either phase of the clock, or not for a while; returns what was seen."""
    rng = random.Random(received().seed)
    dut.rst.value = dut.hold.value = 1
    dut.i.value = 0
    Clock(dut.clk, 2, unit="ns").start()
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    idle_edges = 0
    for _ in range(60):
        await rng.choice((RisingEdge, FallingEdge))(dut.clk)
        dut.rst.value = rng.random() < 0.1
        dut.hold.value = 0
        for _ in range(rng.randrange(1, 12)):
            await rng.choice((RisingEdge, FallingEdge))(dut.clk)
            dut.i.value = rng.choice((0, rng.randrange(256)))
        await FallingEdge(dut.clk)
        dut.hold.value = 1
        await ClockCycles(dut.clk, IDLE_CYCLES)
        before = int(dut.edges.value)
        await ClockCycles(dut.clk, IDLE_CYCLES)
        idle_edges += int(dut.edges.value) - before
    row = {name: int(getattr(dut, name).value) for name in ("differs", "faulty_differs", "edges")}
    return_rows([{**row, "idle_edges": idle_edges}])
