"""A program on a generated accelerator, beside numpy and the exact model: python accelerator_program.py [SIMULATOR]"""

import sys
from pathlib import Path

import cocotb
import numpy as np
from cocotb_tools.runner import get_results, get_runner

import tilewright as tw
import tilewright.bench as tb

PROGRAM = tw.load_program(Path(__file__).with_name("product_nano.asm"), "nano", memory_bytes=1 << 15)


@cocotb.test()
async def product(dut):
    a, w = np.random.default_rng(1).integers(-8, 8, (2, 8, 8))
    memory = tb.AxiMemory(dut, len(PROGRAM.memory), timing=tb.Timing(latency=9))
    host = tb.AcceleratorHost(dut, PROGRAM.config, memory=memory)
    memory.write(0, PROGRAM.memory)
    memory.write(0x1000, a[:4].astype(np.int8))
    memory.write(0x2000, ((w[:, 1::2] << 4) | (w[:, ::2] & 15)).astype(np.uint8))
    await tb.start_and_reset(dut)
    model = tb.AcceleratorModel(PROGRAM.config, memory.content.copy())
    predicted = tb.predict_program(model, PROGRAM.address, memory.timing)
    assert tb.program_differences(await host.run(PROGRAM.address), predicted) == []
    assert (memory.content == model.memory).all()
    assert (memory.read(0x3000, 128).view(np.float32).reshape(4, 8) == np.maximum(a[:4] @ w, 0)).all()


if __name__ == "__main__":
    simulator = tw.use_simulator(*sys.argv[1:])
    runner = get_runner(simulator.name)
    files = tw.generate("accelerator", system="nano").write(Path())
    runner.build(sources=simulator.sources(files), hdl_toplevel="accelerator", timescale=("1ns", "1ps"))
    sys.exit(get_results(runner.test(hdl_toplevel="accelerator", test_module=Path(__file__).stem))[1])
