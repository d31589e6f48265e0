"""Every pass of whole layers on the vector unit in RTL; products of integers are numpy's."""

import numpy as np
import pytest

from tilewright.cocotb_tests.vector.layer_cases import Recorder
from tilewright.cocotb_tests.vector.suite import SUITES, VectorSuite
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.steps import empty_memory, run_steps, store

pytestmark = pytest.mark.cosim


def record_decoder(config: VectorConfig, model: LlamaConfig, *, prompt: int, tokens: int) -> Recorder:
    """Return all passes of a decoder layer: a prompt, then single tokens over the cache that it leaves."""
    recorder, precision, capacity = Recorder(config), Precision(), prompt + tokens
    constants = constant_contents(
        llama.layers(model, precision, tokens=1, capacity=capacity), seeded_decoder(model, seed=5)
    )
    x = np.random.default_rng(6).standard_normal((capacity, model.hidden_size))
    states: dict[str, np.ndarray] = {}
    begins = [0, *range(prompt, capacity)]
    for begin, end in zip(begins, [*begins[1:], capacity], strict=True):
        steps = lower(llama.layers(model, precision, tokens=end - begin, position=begin, capacity=capacity))
        memory = empty_memory(steps.buffers.values(), constants)
        memory |= states
        store(memory, steps.input, x[begin:end])
        run_steps(steps.steps, memory, lanes=config.lanes, vector_unit=recorder)
        states = {name: memory[name] for name in steps.states}
    return recorder


def test_a_small_decoder_layer_prompt_and_tokens():
    model = LlamaConfig(
        vocab_size=256,
        num_hidden_layers=1,
        hidden_size=32,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        intermediate_size=48,
    )
    recorder = record_decoder(SUITES[1].config, model, prompt=4, tokens=1)
    rows = SUITES[1].simulate("table", recorder.cases)
    assert len(rows) == len(recorder.cases) >= 100
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


@pytest.mark.slow
def test_the_decoder_layer_of_sixteen_tokens_and_eight():
    config = VectorConfig(lanes=16, scalars=64, address_bits=14)
    model = LlamaConfig(
        vocab_size=256,
        num_hidden_layers=1,
        hidden_size=256,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=32,
        intermediate_size=512,
    )
    recorder = record_decoder(config, model, prompt=16, tokens=8)
    rows = VectorSuite(config).simulate("table", recorder.cases)
    print(f"{len(rows)} passes, {recorder.elements} elements, {sum(row['rtl_cycles'] for row in rows)} cycles")
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0
