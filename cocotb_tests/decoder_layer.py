"""Co-simulation of a decoder layer with seeded weights, prompt and tokens, on the accelerator."""

from tilewright.cocotb_tests.accelerator import LAYER_BYTES, SMALL, Design, cosim
from tilewright.cocotb_tests.accelerator_cases import Case
from tilewright.cocotb_tests.accelerator_layers import decoder_case
from tilewright.cocotb_tests.npe_cases import Timing
from tilewright.sim.config.accelerator import AcceleratorConfig

__all__ = ["DESIGNS", "cosim"]


def cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the layer with memory near and far."""
    return decoder_case(config), decoder_case(config, timing=Timing(latency=100, write_latency=100))


DESIGNS = (Design(config=SMALL, make_cases=cases, memory_bytes=LAYER_BYTES, label="decoder"),)
