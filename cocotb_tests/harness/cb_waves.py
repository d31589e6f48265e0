"""Bench of wave files: a machine that takes words, and what happened in each cycle as the bench saw it."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from tilewright.cocotb_tests.harness.job import received, return_rows

BENCH = "tilewright.cocotb_tests.harness.cb_waves"
"""Name of this module, as cocotb imports it."""
CYCLES = 200


@cocotb.test()
async def take(dut) -> None:
    """Offers words at random; returns those that were taken, and the number of the state in each cycle."""
    job = received()
    rng = random.Random(job.seed)
    dut.rst.value = 1
    dut.words__valid.value = dut.words__payload.value = 0
    Clock(dut.clk, 2, unit="ns").start()
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    taken, states = [], []
    for _ in range(CYCLES):
        if not dut.words__valid.value and rng.random() < 0.5:
            dut.words__valid.value = 1
            dut.words__payload.value = rng.randrange(1 << 72)
        await FallingEdge(dut.clk)
        states.append(int(dut.state.value))
        if dut.took.value:
            taken.append(int(dut.words__payload.value))
            dut.words__valid.value = 0
    return_rows([{"taken": taken, "states": states}])
    assert len(taken) < job.options["limit"], "the limit is reached"
