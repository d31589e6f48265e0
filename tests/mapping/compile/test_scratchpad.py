"""What programs leave in main memory does not depend on what was in the scratchpad before them."""

import numpy as np
import pytest

from tilewright.bench.golden import predict_program
from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case
from tilewright.cocotb_tests.accelerator.npe_layers_suite import BOTH, mixed_layers, random_layers
from tilewright.cocotb_tests.accelerator.suite import MIXED, NARROW, SCALED, TINY
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

HEADS_OF_12 = LlamaConfig(
    vocab_size=64, num_hidden_layers=1, hidden_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
    intermediate_size=88,
)  # fmt: skip
"""Sizes that fill no words of the scratchpad, so that rows have room behind their elements."""


def left(config: AcceleratorConfig, case: Case, before: np.ndarray) -> np.ndarray:
    """Return the memory that the programs of a case leave, after some content of the scratchpad."""
    model = AcceleratorModel(config, np.pad(case.memory, (0, -len(case.memory) % 4096)))
    model.values.scratchpad[:] = before
    for run in case.runs:
        predict_program(model, run.address, case.timing)
    return model.memory


def check(config: AcceleratorConfig, case: Case) -> None:
    random = np.random.default_rng(1).integers(0, 256, config.scratchpad_bytes, np.uint8)
    assert (left(config, case, random) == left(config, case, np.zeros_like(random))).all(), case.name


@pytest.mark.parametrize("config", [TINY, NARROW, SCALED, MIXED], ids=["tiny", "narrow", "scaled", "mixed"])
def test_decoder_layers_with_room_behind_their_rows(config):
    check(config, decoder_case(config, HEADS_OF_12, prompt=5, tokens=2, least=-1.0))


def test_a_layer_on_both_engines():
    check(BOTH, mixed_layers(BOTH)[0])


def test_layers_on_both_engines_in_any_format():
    for case in random_layers(BOTH):
        check(BOTH, case)
