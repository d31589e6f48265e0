"""The bench around an accelerator, as gateware."""

from functools import lru_cache

from tilewright.cocotb_tests.axi_bench_harness import AxiBenchHarness, compiled_once
from tilewright.hw.accelerator.accelerator import Accelerator
from tilewright.hw.definition import Definition
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.verilog import convert
from tilewright.sim.config.accelerator import AcceleratorConfig, Register

TOP = "accelerator_harness"
"""Name of the top module."""
REPEATED = ("cim_macro", "scratchpad_bank", "vector_lane")
"""Modules of which there are many instances."""


def accelerator_harness(config: AcceleratorConfig, memory_bytes: int) -> AxiBenchHarness:
    """Return the bench around an accelerator, the Verilog module ``accelerator``."""
    return AxiBenchHarness(
        dut=Definition("accelerator", Accelerator(config=config)),
        control=Register.CONTROL,
        address_bits=config.address_bits,
        data_bits=config.bus_bits,
        max_burst=config.burst_beats,
        outstanding=config.outstanding,
        memory_bytes=memory_bytes,
    )


@lru_cache
def harness_verilog(config: AcceleratorConfig, memory_bytes: int) -> str:
    """Return the harness around one accelerator as Verilog."""
    verilog = convert(accelerator_harness(config, memory_bytes), TOP)
    for module in REPEATED:
        verilog = compiled_once(verilog, module)
    return verilog + AxiMemory.SOURCE.read_text()
