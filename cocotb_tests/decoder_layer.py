"""Co-simulation of a decoder layer with seeded weights, prompt and tokens, on the accelerator."""

from tilewright.cocotb_tests.accelerator import LAYER_BYTES, SMALL, Design, configuration, cosim
from tilewright.cocotb_tests.accelerator_cases import Case
from tilewright.cocotb_tests.accelerator_layers import decoder_case
from tilewright.cocotb_tests.npe_cases import Timing
from tilewright.mapping.program.decoder import DecoderShape
from tilewright.sim.config.accelerator import AcceleratorConfig

__all__ = ["DESIGNS", "cosim"]

MXFP4 = configuration(
    lanes=8, bank_address_bits=10, bus_bits=64, tiles=2, scalars=64, weight_buffer_beats=128,
    tile={
        "grid_rows": 2, "result_bus_bits": 256, "accumulator_vectors": 8, "group_scale": "e8m0", "group_rows": 32,
        "max_shift": 7,
    },
    macro={
        "rows": 16, "columns": 16, "weight_bits": 4, "weight_format": "fp4_e2m1", "input_bits_per_cycle": 4,
    },
)  # fmt: skip
"""Weights, keys and values of E2M1, scales of 32 weights."""
MXFP4_SHAPE = DecoderShape(hidden=64, heads=4, kv_heads=2, head=16, ffn=96)


def cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the layer with memory near and far."""
    return decoder_case(config), decoder_case(config, timing=Timing(latency=100, write_latency=100))


def mxfp4_cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a smaller layer, whose prompt ends between two keys that share bytes."""
    return (
        decoder_case(config, MXFP4_SHAPE, prompt=5, tokens=3),
        decoder_case(config, MXFP4_SHAPE, prompt=5, tokens=3, timing=Timing(latency=100, write_latency=100)),
    )


DESIGNS = (
    Design(config=SMALL, make_cases=cases, memory_bytes=LAYER_BYTES, label="decoder"),
    Design(config=MXFP4, make_cases=mxfp4_cases, memory_bytes=LAYER_BYTES, label="MXFP4 decoder"),
)
