"""The harness around an NPE, as gateware."""

from functools import lru_cache

from tilewright.cocotb_tests.harness.axi_harness import AxiBenchHarness
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.cocotb_tests.harness.shared_modules import compiled_once
from tilewright.hw.definition import Definition
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.names import module_name
from tilewright.hw.npe.npe import Npe
from tilewright.hw.verilog import convert
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.npe_registers import Register

TOP = "npe_harness"
"""Name of the top module."""
DUT = "npe"
"""Name of the module that is the NPE."""
CORE = "simd_mac_core"
"""Name of the module that is a MAC."""


def npe_harness(config: NpeConfig, memory_bytes: int) -> AxiBenchHarness:
    """Return the harness around an NPE, the Verilog module :data:`DUT`."""
    return AxiBenchHarness(
        dut=Definition(DUT, Npe(config=config)),
        control=Register.CONTROL,
        address_bits=config.address_bits,
        data_bits=config.bus_bits,
        max_burst=config.max_burst,
        outstanding=config.outstanding,
        memory_bytes=memory_bytes,
    )


@lru_cache
def harness_verilog(config: NpeConfig, memory_bytes: int) -> str:
    """Return the harness around one NPE as Verilog."""

    def make() -> str:
        return convert(npe_harness(config, memory_bytes), TOP) + AxiMemory.SOURCE.read_text()

    return kept_verilog(make, TOP, config, memory_bytes)


def prepared(verilog: str) -> str:
    """Return the harness's Verilog as the simulator runs it fastest, with the same contents in all cycles.

    Raises
    ------
    ValueError
        If its MACs are not modules of their own.
    """
    return compiled_once(verilog, (module_name(TOP, CORE),))
