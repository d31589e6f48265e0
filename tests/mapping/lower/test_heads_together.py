"""Heads whose halves end within a step of the vector unit share steps with their rests: their weights have no zeros."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator
from tests.mapping.tiny_models import tiny
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.map import map_model
from tilewright.mapping.models import llama, load_model
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.config import load_system
from tilewright.sim.graph.head_padding import HeadPadding
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision


def padding_of(**changes: object) -> HeadPadding | None:
    """Return the padding of queries of a tiny model on an accelerator of 16 lanes."""
    model = tiny("llama", **changes)
    graph = with_padded_heads(accelerator(), llama.tokens_graph(model, Precision(), tokens=1, capacity=4))
    [query, *_] = [each for each in graph.of(Kind.MATMUL) if each.name.endswith("q_proj")]
    return query.head


@pytest.mark.parametrize(
    ("size", "key_heads", "together"),
    [
        (48, 2, 2),  # half 16 + 8
        (40, 4, 4),  # half 16 + 4
        (40, 2, 1),  # four heads are not there
        (80, 2, 2),  # half 32 + 8
        (24, 2, 1),  # half 12: no whole step
        (112, 2, 1),  # half 48 + 8: the whole steps are no power of two
        (44, 2, 1),  # half 16 + 6: rests do not fill a step
        (144, 2, 2),  # half 64 + 8
    ],
)
def test_heads_are_together_where_their_rests_fill_steps(size, key_heads, together):
    head = padding_of(head_dim=size, num_attention_heads=8, num_key_value_heads=key_heads)
    assert head is not None
    assert head.together == together


def test_heads_of_whole_steps_have_no_padding():
    assert padding_of(head_dim=32) is None


def test_norms_of_heads_keep_them_apart():
    graph = llama.tokens_graph(tiny("qwen3", head_dim=48), Precision(), tokens=1, capacity=4)
    padded = with_padded_heads(accelerator(), graph)
    assert {each.head.together for each in padded if each.head} == {1}


def test_elements_of_a_projection_and_of_a_room_are_pairs_at_a_distance_of_steps():
    head = HeadPadding(48, 64, halves=True, together=2)
    assert (head.whole, head.rest, head.shared, head.table_columns) == (16, 8, 32, 96)
    heads = 4
    spread = head.spread(np.arange(heads * 48)).reshape(heads // 2, 2 * 48)
    for number in range(heads):
        group, place = head.place(number, heads)
        first, second = np.split(spread[group, 32 * place : 32 * (place + 1)], 2)
        assert (first == 48 * number + np.arange(16)).all()
        assert (second == first + 24).all()
        rests = spread[group, 64:].reshape(2, 2, 8)[:, place]
        assert (rests[0] == 48 * number + 16 + np.arange(8)).all()
        assert (rests[1] == rests[0] + 24).all()
    placed = [head.placed(np.arange(1, 49), number) for number in (0, 1)]
    assert (placed[1][:16] == np.arange(1, 17)).all()
    assert (placed[1][16:32] == np.arange(25, 41)).all()
    assert placed[0][32:].tolist() == [*range(17, 25), *[0] * 8, *range(41, 49), *[0] * 8]
    assert placed[1][32:].tolist() == [*[0] * 8, *range(17, 25), *[0] * 8, *range(41, 49)]
    assert (head.table(np.arange(1, 49)) == np.concatenate([placed[0], placed[1][32:]])).all()


def test_weights_have_as_many_columns_as_the_model():
    model = tiny("llama", head_dim=48)
    graph = with_padded_heads(accelerator(), llama.layers(model, Precision(), tokens=1, capacity=4))
    constants = constant_contents(graph, seeded_model(model, seed=1))
    queries, keys = 48 * model.num_attention_heads, 48 * model.num_key_value_heads
    for part, columns in (("q_proj", queries), ("k_proj", keys)):
        codes = constants[f"model.layers.0.self_attn.{part}.codes"]
        assert codes.size == columns * model.hidden_size


def test_phi_is_near_its_bound():
    phi = load_model("phi-3.5-mini").model_copy(update={"num_hidden_layers": 2, "vocab_size": 4096})
    result = map_model("x", phi, load_system("edge-int4"), phase="decode", context=1024)
    assert result.bound_fraction >= 0.97
