"""Co-simulation of whole decoders with seeded weights, as ``tilewright map`` compiles them: prompt, then tokens."""

from dataclasses import replace

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.suite import LAYER_BYTES, TINY, AcceleratorSuite
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import whole_decoder_case
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig

MODEL = LlamaConfig(
    vocab_size=500,
    num_hidden_layers=2,
    hidden_size=32,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    intermediate_size=48,
)


def cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a prompt of two chunks and two single tokens, and heads of which two share steps with their rests."""
    timing = Timing(latency=20, write_latency=20)
    together = whole_decoder_case(config, MODEL.replace(head_dim=12), prompt=(3,), tokens=2, timing=timing)
    return (
        whole_decoder_case(config, MODEL, prompt=(3, 2), tokens=2, timing=timing),
        replace(together, name=f"{together.name}, heads of 12"),
    )


SUITES = (AcceleratorSuite(config=TINY, make_cases=cases, memory_bytes=LAYER_BYTES, label="INT8"),)
