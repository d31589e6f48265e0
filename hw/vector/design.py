"""Builds the vector unit's design: ports, latency, summary."""

from tilewright.hw.generate import Design
from tilewright.hw.vector.unit import VectorUnit
from tilewright.sim.config.vector import VectorConfig


def vector_unit(config: VectorConfig) -> Design:
    """Return the design of a vector unit, module ``vector_unit``."""
    return Design(
        name="vector_unit",
        component=VectorUnit(config=config),
        configuration=config.model_dump(mode="json"),
        timing={
            "elements_per_cycle": config.lanes,
            "latency_cycles": config.latency_cycles,
            "latency": "from an element's address to its result on its way into the scratchpad",
        },
        summary=f"{config.lanes} FP32 lanes, scratchpad words of {config.word_bits} bits",
    )
