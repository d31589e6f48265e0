"""Equalisation of decoders: the function stays, the loss falls, and programs with offsets of keys have their bits."""

from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator, on_the_model
from tests.mapping.models.stored_models import tensors_of
from tests.mapping.tiny_models import OPTIONS, tiny
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import LAYERS, compile_model, write_layers
from tilewright.mapping.lower.comparison import compare
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models import llama
from tilewright.mapping.models.llama import (
    DOWN,
    FINAL_NORM,
    GATE,
    HEAD,
    KEY,
    KEY_OFFSETS,
    NORM,
    QUERY,
    SECOND_NORM,
    UP,
    VALUE,
    layer_name,
)  # fmt: skip
from tilewright.mapping.models.reference import decoder_logits
from tilewright.mapping.precision.equalisation import Equalised, equalised
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.values import AcceleratorValues

TOKENS = [5, 100, 7, 299, 0, 44, 44, 3, 9, 210, 17, 8, 60, 1]
TEXTS = [[2, 9, 77, 140, 3, 201], [11, 250, 8, 8]]
WITH_OFFSETS = Precision(key_offsets=True)


@pytest.mark.parametrize("family", OPTIONS)
def test_the_function_stays(family):
    model, tensors = tiny(family), tensors_of(family)
    changed = equalised(model, tensors, TEXTS)
    assert np.abs(changed[f"{HEAD}.weight"] - tensors[f"{HEAD}.weight"]).max() > 0.01
    assert np.abs(changed[f"{layer_name(0, UP)}.weight"] / tensors[f"{layer_name(0, UP)}.weight"] - 1).max() > 0.1
    exact = decoder_logits(model, tensors, TOKENS)
    assert decoder_logits(model, changed, TOKENS) == pytest.approx(exact, rel=1e-5, abs=1e-5)
    # A factor that is not made up for is seen.
    name = f"{FINAL_NORM}.weight"
    wrong = Equalised(changed, {name: np.linspace(0.9, 1.1, model.hidden_size)}, {}, {})
    assert np.abs(decoder_logits(model, wrong, TOKENS) - exact).max() > 1e-3


def outliers(model, tensors):
    """Return tensors with large columns after norms and in networks, and keys with a large constant part."""
    rng = np.random.default_rng(6)
    changed = dict(tensors)
    for layer in range(model.num_hidden_layers):
        name = layer_name(layer)
        for norm, readers in ((NORM, (QUERY, KEY, VALUE)), (SECOND_NORM, (GATE, UP))):
            factors = np.exp(rng.normal(0, 1, model.hidden_size))
            changed[f"{name}{norm}.weight"] = tensors[f"{name}{norm}.weight"] * factors
            changed |= {f"{name}{each}.weight": tensors[f"{name}{each}.weight"] / factors for each in readers}
        factors = np.exp(rng.normal(0, 1, model.intermediate_size))
        changed[f"{name}{UP}.weight"] = tensors[f"{name}{UP}.weight"] * factors[:, None]
        changed[f"{name}{DOWN}.weight"] = tensors[f"{name}{DOWN}.weight"] / factors
        bias = np.zeros((model.num_key_value_heads, model.head_dim))
        bias[:, [model.head_dim // 2 - 1, -1]] = 30
        changed[f"{name}{KEY}.bias"] = bias.ravel()
    return changed


def test_norms_networks_and_offsets_each_lose_less():
    """Rotary embedding hardly turns the last pair of a head, so that the constant part of keys stays."""
    model = tiny("qwen2", rope_scaling=None, use_sliding_window=False)
    tensors = outliers(model, tensors_of("qwen2", rope_scaling=None, use_sliding_window=False))
    text = np.random.default_rng(8).integers(300, size=48).tolist()
    precision = replace(WITH_OFFSETS, activations=stored.FP32)
    losses = [compare(model, tensors, text, precision).kl]
    for part in ("norms", "networks", "offsets"):
        chosen = {"norms": False, "networks": False, "offsets": False, "pairs": False, part: True}
        changed = equalised(model, tensors, TEXTS, **chosen)
        losses.append(compare(model, tensors, text, precision, quantised=changed).kl)
    everything = compare(model, tensors, text, precision, quantised=equalised(model, tensors, TEXTS)).kl
    assert max(losses[1:]) < losses[0], losses
    assert everything < min(losses[1:]), (everything, losses)


def test_factors_of_pairs_lose_less():
    """An element of the keys of a head, and the one with which rotary embedding turns it, are larger than the others."""
    model = tiny("llama")
    tensors = dict(tensors_of("llama"))
    group, size = model.num_attention_heads // model.num_key_value_heads, model.head_dim
    factors = np.tile(np.geomspace(1, 100, size // 2), 2)
    for layer in range(model.num_hidden_layers):
        for part, heads, own in ((KEY, 1, factors), (QUERY, group, 1 / factors)):
            name = f"{layer_name(layer, part)}.weight"
            tensors[name] = tensors[name] * np.tile(own, heads * model.num_key_value_heads)[:, None]
    text = np.random.default_rng(8).integers(300, size=48).tolist()
    precision = replace(WITH_OFFSETS, activations=stored.FP32)
    with_pairs, without = (
        compare(model, tensors, text, precision, quantised=equalised(model, tensors, TEXTS, pairs=pairs)).kl
        for pairs in (True, False)
    )
    assert with_pairs < 0.8 * without


def test_parts_and_wider_storage_lose_less():
    model, tensors = tiny("llama"), dict(tensors_of("llama"))
    for layer in range(model.num_hidden_layers):
        factors = np.ones(model.intermediate_size)
        factors[:2] = 40
        for part in (UP, DOWN):
            name = f"{layer_name(layer, part)}.weight"
            tensors[name] = tensors[name] * (factors[:, None] if part == UP else 1 / factors)
    text = np.random.default_rng(8).integers(300, size=48).tolist()
    plain, in_parts, wider = (
        compare(model, tensors, text, each).kl
        for each in (
            WITH_OFFSETS,
            replace(WITH_OFFSETS, parts=((DOWN, 2),)),
            replace(WITH_OFFSETS, parts=((DOWN, 2),), attention=stored.FP32, key_scale=stored.FP32),
        )
    )
    assert wider < in_parts < plain


@pytest.mark.parametrize(
    ("family", "fields", "changes"),
    [
        ("phi3", {}, {}),
        ("llama", {}, {}),
        ("qwen3", {"columns": 32}, {}),
        # Two heads share steps with the rests of their halves.
        ("llama", {}, {"head_dim": 48}),
    ],
)
@pytest.mark.parametrize("finer", [False, True])
def test_programs_with_offsets_have_the_bits_of_steps(family, fields, changes, finer):
    model, config = tiny(family, num_hidden_layers=2, **changes), accelerator(**fields)
    precision = replace(Precision.of(config.cim.tile, config.vector.lanes), key_offsets=True)
    if finer:
        precision = replace(precision, attention=stored.FP32, key_scale=stored.FP32, parts=((DOWN, 3), (QUERY, 2)))
    tensors = dict(tensors_of(family, num_hidden_layers=2, **changes))
    rng = np.random.default_rng(3)
    heads = model.num_key_value_heads, model.head_dim
    offsets = {f"{layer_name(layer)}{KEY_OFFSETS}": rng.normal(0, 1, heads) for layer in range(2)}
    x = rng.standard_normal((7, model.hidden_size))
    steps = StepsDecoder(model, tensors | offsets, config, context=7, precision=precision)
    plain = StepsDecoder(model, tensors, config, context=7, precision=precision)
    places, memory, first = MemoryMap(), None, 0
    lengths = (5, 1, 1)
    graphs = [
        with_padded_heads(
            config, llama.layers(model, precision, tokens=n, position=sum(lengths[:index]), capacity=7)
        )
        for index, n in enumerate(lengths)
    ]  # fmt: skip
    programs = [compile_model(config, graph, places) for graph in graphs]
    for graph, program in zip(graphs, programs, strict=True):
        rows = x[first : first + graph.operators[0].m]
        expected, other = steps.run_layers(rows).values, plain.run_layers(rows).values
        memory = programs[-1].empty_memory() if memory is None else memory
        constants = constant_contents(graph, tensors | offsets)
        write_layers(program, memory, lambda layer, constants=constants: constants)
        program.write_program(memory)
        program.write_input(memory, rows)
        on_the_model(AcceleratorValues(config, memory), program)
        last = [name for name in program.loops if name.startswith(LAYERS)][-1]
        assert (program.read_output(memory, last) == expected).all()
        # The constant part of keys changes no probability, but their rounding.
        assert 0 < np.abs(expected - other).max() < 0.1 * np.abs(other).max()
        first += len(rows)


def test_tensors_are_a_mapping_that_changes_nothing_of_its_source():
    tensors = {"a.weight": np.ones((2, 3)), "b.weight": np.ones(3)}
    changed = Equalised(
        tensors, {"a.weight": np.array([1.0, 2.0])}, {"a.weight": np.array([1.0, 3.0, 5.0])}, {"c": np.zeros(1)}
    )
    assert changed["a.weight"].tolist() == [[1, 3, 5], [2, 6, 10]]
    assert changed["b.weight"] is tensors["b.weight"]
    assert sorted(changed) == ["a.weight", "b.weight", "c"]
    assert len(changed) == 3
    assert "c" in changed
    assert "d" not in changed
    assert tensors["a.weight"].tolist() == [[1, 1, 1], [1, 1, 1]]
