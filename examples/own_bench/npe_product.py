"""A matrix product on a generated NPE, beside numpy and the exact model: python npe_product.py [verilator | icarus]"""

import sys
from pathlib import Path

import cocotb
import numpy as np
from cocotb_tools.runner import get_results, get_runner

import tilewright as tw
import tilewright.bench as tb
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.descriptor import Descriptor

OPTIONS = {"rows": 2, "columns": 2, "bus_bits": 64, "depth": 8, "panels": 2, "modes": "int8"}


@cocotb.test()
async def product(dut):
    a, b = np.random.default_rng(1).integers(-4, 4, (2, 5, 16), np.int8)
    memory = tb.AxiMemory(dut, 0x1000, timing=tb.Timing(latency=20))
    host = tb.NpeHost(dut, memory=memory)
    places = {"a": 0x100, "b": 0x200, "c": 0x300, "a_stride": 16, "b_stride": 16, "c_stride": 8}
    job = Descriptor(mode=Mode.INT8, out_format=Mode.INT8, m=5, n=5, k=16, **places)
    for address, data in {0: job.encode(), 0x100: a, 0x200: b}.items():
        memory.write(address, data)
    await tb.start_and_reset(dut)
    predicted = tb.predict_npe(NpeConfig(**OPTIONS), memory.content, 0, 1, memory.timing)
    assert tb.npe_differences(await host.run(0, 1), predicted) == []
    assert (memory.read(0x300, 40).view(np.int8).reshape(5, 8)[:, :5] == np.clip(a.astype(int) @ b.T, -128, 127)).all()


if __name__ == "__main__":
    simulator = tw.use_simulator(*sys.argv[1:])
    runner = get_runner(simulator.name)
    files = tw.generate("npe", **OPTIONS).write(Path())
    runner.build(sources=simulator.sources(files), hdl_toplevel="npe", timescale=("1ns", "1ps"))
    sys.exit(get_results(runner.test(hdl_toplevel="npe", test_module=Path(__file__).stem))[1])
