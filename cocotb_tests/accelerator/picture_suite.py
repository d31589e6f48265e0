"""Co-simulation of a classifier of pictures on NPE and vector unit, in formats of its own for each product."""

from itertools import cycle, islice

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.npe_layers_suite import ALONE, MEMORY_BYTES, TIMING
from tilewright.cocotb_tests.accelerator.picture_cases import picture_cases, seeded_pictures, small_network
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite
from tilewright.mapping.precision.npe_classifier import Quantiser
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats.simd import Mode

PICTURES = 10
CALIBRATION = 32
"""Number of pictures on which scales of activations depend."""
PLANS = (
    (Mode.INT8,),
    (Mode.POSIT8_0, Mode.FP4_E2M1, Mode.INT8, Mode.BF16, Mode.INT4, Mode.FP8_E4M3, Mode.POSIT16_1),
)
"""Formats of the products, over and over: one alone, and many."""
FAR = Timing(latency=100, write_latency=60)


def pictures_in_rtl(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return ten pictures in INT8, and two in a plan of many formats with another memory."""
    quantiser, pictures = Quantiser(small_network(), seeded_pictures(CALIBRATION)), seeded_pictures(PICTURES)
    alone, mixed = (quantiser.quantised(tuple(islice(cycle(each), len(quantiser.products)))) for each in PLANS)
    return (
        *picture_cases(config, "int8", alone, pictures, TIMING),
        *picture_cases(config, "a plan", mixed, pictures[:2], FAR),
    )


SUITE = AcceleratorSuite(
    config=ALONE, make_cases=pictures_in_rtl, memory_bytes=MEMORY_BYTES, label="pictures on the NPE"
)
