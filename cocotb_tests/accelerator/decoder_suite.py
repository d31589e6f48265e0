"""Co-simulation of a decoder layer with seeded weights, prompt and tokens, on the accelerator."""

from dataclasses import replace

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.layer_cases import cached_case, decoder_case
from tilewright.cocotb_tests.accelerator.suite import LAYER_BYTES, MXFP4, SMALL, AcceleratorSuite
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig

LONG = 4300
"""Number of positions whose scores, for four heads that share keys, exceed a bank: attention goes block by block."""
SHAPE = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    intermediate_size=96,
)


def cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the layer with memory near and far, and with long caches: at once, and in blocks of positions."""
    return (
        decoder_case(config),
        decoder_case(config, timing=Timing(latency=100, write_latency=100)),
        cached_case(config, positions=2048),
        cached_case(config, positions=LONG, tokens=2),
    )


def mxfp4_cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a smaller layer, whose prompt ends between two keys that share bytes."""
    return (
        decoder_case(config, SHAPE, prompt=5, tokens=3),
        decoder_case(config, SHAPE, prompt=5, tokens=3, timing=Timing(latency=100, write_latency=100)),
        # Two heads share steps with the rests of their halves.
        replace(
            decoder_case(config, SHAPE.replace(head_dim=24), prompt=5, tokens=3), name="decoder layer, heads of 24"
        ),
    )


SUITES = (
    AcceleratorSuite(config=SMALL, make_cases=cases, memory_bytes=LAYER_BYTES, label="decoder", optimisation="-O1"),
    AcceleratorSuite(config=MXFP4, make_cases=mxfp4_cases, memory_bytes=LAYER_BYTES, label="MXFP4 decoder"),
)
