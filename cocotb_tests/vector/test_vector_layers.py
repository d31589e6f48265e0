"""Every pass of whole layers on the vector unit in RTL; products of integers are numpy's."""

import numpy as np
import pytest

from tilewright.cocotb_tests.vector import suite as vector
from tilewright.cocotb_tests.vector.layer_cases import Recorder
from tilewright.mapping.lower.decoder import DecoderShape, decoder_constants, lower_decoder
from tilewright.mapping.lower.lowering import Arithmetic
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.machine.steps import empty_memory, run_steps, store

pytestmark = pytest.mark.cosim


def record_decoder(config: VectorConfig, shape: DecoderShape, *, prompt: int, tokens: int) -> Recorder:
    """Return all passes of a decoder layer: a prompt, then single tokens over the cache that it leaves."""
    recorder, arithmetic, capacity = Recorder(config), Arithmetic(), prompt + tokens
    constants = decoder_constants(shape, seeded_decoder(shape, layers=1, seed=5), 1, arithmetic, capacity=capacity)
    x = np.random.default_rng(6).standard_normal((capacity, shape.hidden))
    states: dict[str, np.ndarray] = {}
    begins = [0, *range(prompt, capacity)]
    for begin, end in zip(begins, [*begins[1:], capacity], strict=True):
        steps = lower_decoder(shape, end - begin, begin, 1, arithmetic, capacity=capacity)
        memory = empty_memory(steps.buffers.values(), constants)
        memory |= states
        store(memory, steps.input, x[begin:end])
        run_steps(steps.steps, memory, lanes=config.lanes, vector_unit=recorder)
        states = {name: memory[name] for name in steps.states}
    return recorder


def test_a_small_decoder_layer_prompt_and_tokens():
    shape = DecoderShape(hidden=32, heads=4, kv_heads=2, head=8, ffn=48)
    recorder = record_decoder(vector.SMALL, shape, prompt=4, tokens=1)
    rows = vector.run(vector.SMALL, recorder.cases)
    assert len(rows) == len(recorder.cases) >= 100
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0


@pytest.mark.slow
def test_the_decoder_layer_of_sixteen_tokens_and_eight():
    config = VectorConfig(lanes=16, scalars=64, address_bits=14)
    shape = DecoderShape(hidden=256, heads=8, kv_heads=2, head=32, ffn=512)
    recorder = record_decoder(config, shape, prompt=16, tokens=8)
    rows = vector.run(config, recorder.cases)
    print(f"{len(rows)} passes, {recorder.elements} elements, {sum(row['rtl_cycles'] for row in rows)} cycles")
    assert sum(row["mismatches"] + row["apart"] for row in rows) == 0
