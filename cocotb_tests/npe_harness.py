"""The bench around a matrix co-processor, as gateware."""

import re
from functools import lru_cache

from tilewright.cocotb_tests.axi_bench_harness import AxiBenchHarness
from tilewright.hw.definition import Definition
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.npe.npe import Npe
from tilewright.hw.verilog import convert
from tilewright.sim.config.npe import NpeConfig, Register

TOP = "npe_harness"
"""Name of the top module."""
CORE = "simd_mac_core"
"""Name of the module that is a MAC."""


def npe_harness(config: NpeConfig, memory_bytes: int) -> AxiBenchHarness:
    """Return the bench around a co-processor, the Verilog module ``npe``."""
    return AxiBenchHarness(
        dut=Definition("npe", Npe(config=config)),
        control=Register.CONTROL,
        address_bits=config.address_bits,
        data_bits=config.bus_bits,
        max_burst=config.max_burst,
        outstanding=config.outstanding,
        memory_bytes=memory_bytes,
    )


@lru_cache
def harness_verilog(config: NpeConfig, memory_bytes: int) -> str:
    """Return the harness around one co-processor as Verilog.

    Raises
    ------
    ValueError
        If its MACs are not modules of their own.
    """
    verilog = convert(npe_harness(config, memory_bytes), TOP)
    # Every MAC is the same: in C++ too it is compiled once, which halves what a model of 8 x 8 takes to build.
    verilog, count = re.subn(
        rf"(?s)^(module {CORE} ?\(.*?\);)", r"\1 /* verilator no_inline_module */", verilog, flags=re.M
    )
    if not count:
        raise ValueError(f"there is no module {CORE}")
    return verilog + AxiMemory.SOURCE.read_text()
