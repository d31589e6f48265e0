"""Tiles of the system ``edge-int4`` in RTL, 256 rows by 256 columns each, behind its own memory.

Building one tile takes a quarter of an hour of CPU and 3.6 GB.
"""

from functools import partial

import numpy as np
import pytest

from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.harness import MEMORY_BYTES
from tilewright.cocotb_tests.accelerator.layer_cases import SEED, layer_case
from tilewright.cocotb_tests.accelerator.program_suite import timing_of
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.config import System, load_system
from tilewright.sim.config.accelerator import AcceleratorConfig

pytestmark = [pytest.mark.cosim, pytest.mark.slow]

MODEL = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=512,
    num_attention_heads=8,
    num_key_value_heads=2,
    head_dim=64,
    intermediate_size=1024,
)
WEIGHT_BYTES = MODEL.hidden_size * (2 * 512 + 2 * 128 + 3 * MODEL.intermediate_size) // 2
"""Bytes of the layer's matrices in INT4."""


def layer(config: AcceleratorConfig, *, system: System) -> tuple[Case]:
    """Return a layer with seeded weights: a prompt of two tokens, then one more token.

    Random weights of 512 rows in INT4, a scale for each column, leave less of the layer in float64 than those of models.
    """
    tensors = seeded_decoder(MODEL, seed=SEED)
    x = np.random.default_rng(SEED).standard_normal((3, MODEL.hidden_size))
    case = layer_case(
        config, MODEL, tensors, x, prompt=2, least=0.97, timing=timing_of(system), name="decoder layer of 1.1 MB"
    )
    return (case,)


def test_a_layer_that_waits_for_its_weights():
    system = load_system("edge-int4").with_(**{"cim.tiles": 1})
    suite = AcceleratorSuite(
        config=system.accelerator,
        make_cases=partial(layer, system=system),
        memory_bytes=MEMORY_BYTES,
        optimisation="-O0",
    )
    rows = suite.run()
    check_rows(rows)
    prompt, token = rows
    weight_cycles = WEIGHT_BYTES / system.memory.bytes_per_cycle(system.clock_mhz)
    for row in (prompt, token):
        assert weight_cycles < row["rtl_cycles"] < 1.25 * weight_cycles
