"""Builds the NPE's design: ports, latency, summary."""

from tilewright.hw.generate import Design
from tilewright.hw.npe.npe import Npe
from tilewright.sim.config.npe import NpeConfig


def npe(config: NpeConfig) -> Design:
    """Return the design of an NPE, module ``npe``."""
    rates = {mode.label: config.macs_per_cycle(mode) for mode in config.modes}
    return Design(
        name="npe",
        component=Npe(config=config),
        configuration=config.model_dump(mode="json"),
        timing={
            "macs_per_cycle": rates,
            "latency_cycles": config.array_latency + config.result_latency,
            "latency": "from the last operands of a dot product to its code",
        },
        summary=(
            f"{config.rows} x {config.columns} SIMD MACs, {min(rates.values())} to {max(rates.values())} MAC a cycle, "
            f"AXI4 of {config.bus_bits} bits, formats {', '.join(rates)}"
        ),
    )
