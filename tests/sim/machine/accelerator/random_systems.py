"""Random accelerators for tests of times."""

import numpy as np

from tilewright.cocotb_tests.accelerator.suite import configuration
from tilewright.sim.config.accelerator import AcceleratorConfig


def random_system(rng: np.random.Generator) -> AcceleratorConfig:
    """Return an accelerator with banks of 8 KiB or more."""

    def one(*values: int) -> int:
        return int(rng.choice(values))

    bus, weight_bits = one(32, 64, 128), one(4, 8)
    return configuration(
        lanes=8, bank_address_bits=one(10, 12), bus_bits=bus, tiles=one(1, 2, 4), banks=4, outstanding=one(1, 2, 4, 8),
        max_burst=one(16, 32, 64), weight_buffer_beats=one(128, 256), queue_depth=one(2, 4),
        tile={"result_bus_bits": one(64, 128), "accumulator_vectors": 4, "result_buffer_vectors": one(1, 3)},
        macro={
            "rows": one(8, 16, 32), "columns": bus // weight_bits * one(1, 2), "weight_bits": weight_bits, "input_bits_per_cycle": one(1, 2, 4),
        },
    )  # fmt: skip
