"""Dot products on a generated posit MAC, with random waits on both sides.

python posit_dots.py [verilator | icarus]
"""

import sys
from pathlib import Path

import cocotb
import numpy as np
from cocotb_tools.runner import get_results, get_runner

import tilewright as tw
import tilewright.bench as tb

POSIT = tw.Posit(8, 0)


@cocotb.test()
async def dot_products(dut):
    source = tb.StreamSource(dut, "i", fields={"a": 8, "b": 8, "first": 1, "last": 1}, stall=0.2)
    sink = tb.StreamSink(dut, "o", stall=0.3)
    board = tb.Scoreboard(sink, format=POSIT)
    await tb.start_and_reset(dut)
    for length in range(1, 60):
        a, b = np.random.default_rng(length).integers(0, 256, (2, length))
        board.expect(POSIT.dot(a, b))
        for i in range(length):
            source.put({"a": a[i], "b": b[i], "first": i == 0, "last": i == length - 1})
    await board.complete()


if __name__ == "__main__":
    simulator = tw.use_simulator(*sys.argv[1:])
    files = tw.generate("posit-mac", format=POSIT, stages=4).write(Path())
    runner = get_runner(simulator.name)
    runner.build(sources=simulator.sources(files), hdl_toplevel="posit_mac", timescale=("1ns", "1ps"), waves=True)
    results = runner.test(hdl_toplevel="posit_mac", test_module=Path(__file__).stem, waves=True)
    sys.exit(get_results(results)[1])
