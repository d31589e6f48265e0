"""Co-simulation of layers on the accelerator: arrays, formats of weights, latencies and bandwidths of memory.

One build of a configuration serves all of its timings: of memory they are set while it runs.
"""

from fractions import Fraction

from tilewright.bench.program_cases import Case
from tilewright.bench.random_programs import Areas
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case, network_case
from tilewright.cocotb_tests.accelerator.suite import (
    LAYER_BYTES,
    MXFP4,
    NARROW,
    SCALED,
    SMALL,
    TINY,
    WIDE,
    AcceleratorSuite,
)
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig

LATENCIES = (1, 2, 5, 10, 20, 50, 100, 200)
"""Latencies of memory in cycles, at one beat per cycle."""
BANDWIDTHS = (4, 8, 16, 32, 64)
"""Bandwidths of memory in bytes per cycle; bandwidths below one beat have the latency :data:`USUAL_LATENCY`."""
USUAL_LATENCY = 20
SHAPE = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=128,
)


def timings(config: AcceleratorConfig) -> tuple[Timing, ...]:
    """Return all memory timings for an accelerator's bus."""
    points = [(latency, config.bus_bytes) for latency in LATENCIES]
    points += [(USUAL_LATENCY, bandwidth) for bandwidth in BANDWIDTHS if bandwidth < config.bus_bytes]
    return tuple(
        Timing(latency=latency, rate=rate, write_latency=latency, write_rate=rate)
        for latency, rate in ((latency, Fraction(bandwidth, config.bus_bytes)) for latency, bandwidth in points)
    )


def networks(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the gated network of a decoder layer, compiled, with all memory timings."""
    return tuple(network_case(config, SHAPE, tokens=4, timing=timing) for timing in timings(config))


def layers(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a whole decoder layer, compiled, with all memory timings."""
    return tuple(decoder_case(config, SHAPE, prompt=8, tokens=0, timing=timing) for timing in timings(config))


def _suite(config: AcceleratorConfig, make_cases, label: str) -> AcceleratorSuite:
    return AcceleratorSuite(config=config, make_cases=make_cases, memory_bytes=Areas(config).memory_bytes, label=label)


FAR = TINY.model_copy(update={"outstanding": 16, "max_burst": 8, "weight_buffer_beats": 128})
"""The smallest accelerator for memory a hundred cycles away, as the bound of requests in flight asks: 16 bursts of 8
beats are as many as the beats of a burst and of the latency, and the weight buffer holds the beats of the latency."""

SUITES = (
    _suite(TINY, networks, "INT8"),
    _suite(FAR, networks, "INT8 for far memory"),
    _suite(NARROW, networks, "INT4"),
    _suite(SCALED, networks, "INT8 in scaled groups"),
    _suite(WIDE, networks, "FP4"),
    _suite(MXFP4, networks, "MXFP4"),
    AcceleratorSuite(config=SMALL, make_cases=layers, memory_bytes=LAYER_BYTES, label="INT8", optimisation="-O1"),
)
"""Suites of the table; random programs of the same suites have the same memory, and therefore the same builds."""
