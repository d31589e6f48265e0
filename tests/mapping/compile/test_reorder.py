"""Steps in another order: the same bits, heads that overlap."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator, step_memory
from tilewright.mapping.compile.compiler import engines_of
from tilewright.mapping.compile.reorder import depth_first, reordered
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Pass, Product
from tilewright.sim.machine.steps import run_steps

SHAPE = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=96,
    qkv_bias=True,
    qk_norm=True,
)
TWO = SHAPE.replace(num_hidden_layers=2)


@pytest.mark.parametrize("tokens", [1, 5])
@pytest.mark.parametrize("order", [depth_first, lambda lowered: reordered(engines_of(accelerator()), lowered)])
def test_another_order_leaves_the_same_bits(order, tokens):
    lowered = lower(llama.layers(TWO, Precision(), tokens=tokens, position=3, capacity=12))
    other = order(lowered)
    assert sorted(map(id, other.steps)) == sorted(map(id, lowered.steps))
    assert other.steps != lowered.steps
    constants = constant_contents(llama.layers(TWO, Precision(), tokens=1, capacity=12), seeded_decoder(TWO, seed=1))
    x = np.random.default_rng(1).standard_normal((tokens, 64))
    memories = [step_memory(each, constants, x) for each in (lowered, other)]
    for each, memory in zip((lowered, other), memories, strict=True):
        run_steps(each.steps, memory, lanes=16)
    assert all((memories[0][name] == memories[1][name]).all() for name in memories[0])


def test_scores_of_the_next_head_come_before_the_sum_over_values():
    lowered = lower(llama.layers(SHAPE, Precision(), tokens=5, capacity=12))

    def attention(steps: tuple) -> list[bool]:
        return [
            step.transposed
            for step in steps
            if isinstance(step, Product) and step.weights.buffer.name not in lowered.constants
        ]

    assert attention(lowered.steps) == [True, False] * 4
    assert attention(reordered(engines_of(accelerator()), lowered).steps)[:3] == [True, True, True]


def test_keys_are_made_first_so_that_they_are_stored_during_other_products():
    lowered = lower(llama.layers(SHAPE, Precision(), tokens=1, capacity=12))

    def projections(steps: tuple) -> list[str]:
        constants = [s.weights.buffer.name for s in steps if isinstance(s, Product) and not s.transposed]
        return [name.split(".")[-2] for name in constants[:3]]

    assert projections(lowered.steps) == ["q_proj", "k_proj", "v_proj"]
    assert projections(reordered(engines_of(accelerator()), lowered).steps)[2] == "q_proj"


def test_a_query_is_made_when_its_scores_are_needed():
    lowered = lower(llama.layers(SHAPE, Precision(), tokens=5, capacity=12))

    def most_waiting(steps: tuple) -> int:
        """Return how many scales of queries wait at most for a later step."""
        passes = [step for step in steps if isinstance(step, Pass)]
        made = {s.linear.name: place for place, s in enumerate(passes) if s.linear and "rope_q" in s.linear.name}
        used = {s.multiply.name: place for place, s in enumerate(passes) if s.multiply}
        return max(sum(made[name] <= place < used[name] for name in made) for place in range(len(passes)))

    assert most_waiting(lowered.steps) == SHAPE.num_attention_heads
    assert most_waiting(depth_first(lowered).steps) == 1
