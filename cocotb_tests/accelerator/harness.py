"""The bench around an accelerator, as gateware."""

from functools import lru_cache

from tilewright.cocotb_tests.harness.axi_harness import AxiBenchHarness, SecondPort
from tilewright.cocotb_tests.harness.clock_gates import gated
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.cocotb_tests.harness.shared_modules import compiled_once
from tilewright.cocotb_tests.npe.harness import CORE
from tilewright.hw.accelerator.accelerator import NPE_PREFIX, Accelerator
from tilewright.hw.definition import Definition
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.names import module_name
from tilewright.hw.verilog import convert
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import Register

TOP = "accelerator_harness"
"""Name of the top module."""
DUT = "accelerator"
"""Name of the module that is the accelerator."""
MEMORY_BYTES = 4 << 20
"""Size of a harness's memory unless a test asks for more; one build serves all smaller sizes, which the bench sets."""
MACRO = "cim_macro"
"""Module of which a harness with a CIM array has many instances."""
REPEATED = ("scratchpad_bank", "vector_lane")
"""Modules of which each harness has many instances."""
GATED = rf"{TOP}__(?:vector_lane|vector_unit|fp32_|cim_macro).*"
"""Modules that are large and often idle."""


def accelerator_harness(config: AcceleratorConfig, memory_bytes: int) -> AxiBenchHarness:
    """Return the bench around an accelerator, the Verilog module :data:`DUT`."""
    npe = config.npe
    second = None
    if npe is not None:
        second = SecondPort(
            prefix=NPE_PREFIX, data_bits=npe.bus_bits, max_burst=npe.max_burst, outstanding=npe.outstanding
        )
    return AxiBenchHarness(
        dut=Definition(DUT, Accelerator(config=config)),
        control=Register.CONTROL,
        address_bits=config.address_bits,
        data_bits=config.bus_bits,
        max_burst=config.burst_beats,
        outstanding=config.outstanding,
        memory_bytes=memory_bytes,
        second=second,
    )


def harness_verilog(config: AcceleratorConfig, memory_bytes: int) -> str:
    """Return the harness around one accelerator as Verilog, with at least ``memory_bytes`` of memory."""
    return _verilog(config, max(MEMORY_BYTES, 1 << (memory_bytes - 1).bit_length()))


@lru_cache
def _verilog(config: AcceleratorConfig, memory_bytes: int) -> str:
    def make() -> str:
        return convert(accelerator_harness(config, memory_bytes), TOP) + AxiMemory.SOURCE.read_text()

    return kept_verilog(make, TOP, config, memory_bytes)


def prepared(config: AcceleratorConfig, verilog: str) -> str:
    """Return the harness's Verilog as the simulator runs it fastest, with the same contents in all cycles."""
    return gated(compiled_once(verilog, [module_name(TOP, module) for module in repeated(config)]), GATED)


def repeated(config: AcceleratorConfig) -> tuple[str, ...]:
    """Return the modules of which an accelerator has many instances."""
    of_array = (MACRO,) if config.cim is not None else ()
    return (*of_array, *REPEATED, *((CORE,) if config.npe is not None else ()))
