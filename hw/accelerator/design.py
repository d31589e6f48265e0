"""Builds the accelerator's design: ports, latency, summary."""

from tilewright.hw.accelerator.accelerator import Accelerator
from tilewright.hw.accelerator.reader import Reader
from tilewright.hw.generate import Design
from tilewright.sim.config.accelerator import AcceleratorConfig

START_LATENCY = 2 + Reader.LATENCY
"""Cycles from the cycle in which the write of start is carried out to the first read address."""


def accelerator(config: AcceleratorConfig) -> Design:
    """Return the design of an accelerator, module ``accelerator``."""
    cim = config.cim
    npe = f"; NPE of {config.npe.rows} x {config.npe.columns} SIMD MACs" if config.npe is not None else ""
    array, rates = "no CIM array", {}
    if cim is not None:
        tiles = f"{cim.tiles} {'tile' if cim.tiles == 1 else 'tiles'} of {cim.tile.rows} x {cim.tile.columns}"
        array = f"{tiles} weights of {cim.tile.macro.weight_bits} bits: {cim.macs_per_cycle:,.0f} MAC a cycle"
        rates = {"macs_per_cycle": cim.macs_per_cycle, "cycles_per_vector": cim.tile.macro.slices}
    return Design(
        name="accelerator",
        component=Accelerator(config=config),
        configuration=config.model_dump(mode="json"),
        timing={
            **rates,
            "elements_per_cycle": config.vector.lanes,
            "latency_cycles": START_LATENCY,
            "latency": "from the start of a program to the first read address",
        },
        summary=(
            f"{array}; {config.vector.lanes} FP32 lanes; {config.scratchpad_bytes >> 10:,} KiB of scratchpad in "
            f"{config.banks} banks; AXI4 of {config.bus_bits} bits{npe}"
        ),
    )
