"""Co-simulation of encoder layers on the accelerator: one of MiniLM with its own weights, a smaller one of MXFP4."""

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.layer_cases import encoder_case, seeded_encoder_case
from tilewright.cocotb_tests.accelerator.suite import LAYER_BYTES, MXFP4, SMALL, AcceleratorSuite
from tilewright.mapping.models.config import BertConfig
from tilewright.sim.config.accelerator import AcceleratorConfig

FAR = Timing(latency=100, write_latency=100)
SHAPE = BertConfig(vocab_size=256, num_hidden_layers=1, hidden_size=64, num_attention_heads=4, intermediate_size=96)


def cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the layer of MiniLM with memory near and far."""
    return encoder_case(config), encoder_case(config, timing=FAR)


def mxfp4_cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a layer with seeded weights with memory near and far."""
    return seeded_encoder_case(config, SHAPE, tokens=5), seeded_encoder_case(config, SHAPE, tokens=5, timing=FAR)


SUITES = (
    AcceleratorSuite(config=SMALL, make_cases=cases, memory_bytes=LAYER_BYTES, label="MiniLM", optimisation="-O1"),
    AcceleratorSuite(config=MXFP4, make_cases=mxfp4_cases, memory_bytes=LAYER_BYTES, label="MXFP4 encoder"),
)
