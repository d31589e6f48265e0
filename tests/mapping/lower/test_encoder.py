"""Encoder layers as steps: their structure, and a real model's values against float64."""

import re

import numpy as np
import pytest

from benchmarks import vector_accuracy
from benchmarks.vector_accuracy import BF16, SENTENCES, Row, embedding_cosines, layer_cosine
from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import bert, minilm
from tilewright.mapping.models.bert import layer_name
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.reference import cosine, encoder_layer
from tilewright.mapping.models.seeded import seeded_encoder
from tilewright.mapping.precision.smoothing import smoothing_factors
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Pass, Product
from tilewright.sim.isa.vector_command import Function
from tilewright.sim.machine.steps import empty_memory, load, run_steps, store

SMALL = BertConfig(vocab_size=256, num_hidden_layers=1, hidden_size=32, num_attention_heads=4, intermediate_size=64)
TWO = SMALL.replace(num_hidden_layers=2)


def run(precision: Precision, tensors: dict[str, np.ndarray], x: np.ndarray, model: BertConfig = SMALL) -> np.ndarray:
    factors = smoothing_factors(model, tensors, [x])
    lowered = lower(bert.layers(model, precision, tokens=len(x)))
    contents = constant_contents(bert.layers(model, precision, tokens=1), tensors, factors)
    assert sorted(contents) == sorted(lowered.constants)
    memory = empty_memory(lowered.buffers.values(), contents)
    store(memory, lowered.input, x)
    run_steps(lowered.steps, memory, lanes=8)
    return load(memory, lowered.output)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("scales", ["head", "token"])
@pytest.mark.parametrize(
    ("held", "least"),
    [
        ({}, 0.999),
        ({"group": 16}, 0.999),
        ({"group": 16, "group_scale": stored.SHIFT_E8M0}, 0.999),
        ({"weights": stored.INT4, "group": 16}, 0.98),
        ({"weights": stored.FP4_E2M1, "group": 16}, 0.98),
        ({"weights": stored.FP4_E2M1, "group": 16, "group_scale": stored.SHIFT_E8M0}, 0.98),
        ({"weights": stored.FP4_E2M1}, 0.98),
        ({"weights": stored.FP4_E2M1, "cache": stored.FP4_E2M1}, 0.96),
    ],
)
def test_layers_come_near_to_float64(held, least, scales, smooth):
    tensors = seeded_encoder(TWO, seed=1)
    x = np.random.default_rng(3).standard_normal((7, SMALL.hidden_size))
    precision = Precision(**held, scales=scales, smooth=smooth)
    exact = encoder_layer(SMALL, tensors, layer_name(1), encoder_layer(SMALL, tensors, layer_name(0), x))
    assert cosine(run(precision, tensors, x, TWO), exact) >= least


@pytest.mark.parametrize(
    "part", ["attention.self.key", "attention.self.query", "attention.output.dense", "output.dense"]
)
def test_a_layer_with_another_bias_is_not_near(part):
    tensors = seeded_encoder(SMALL, seed=1)
    x = np.random.default_rng(3).standard_normal((7, SMALL.hidden_size))
    y = run(Precision(), tensors, x)
    name = f"{layer_name(0, part)}.bias"
    other = tensors | {name: np.roll(tensors[name], 1) * 3}
    # A bias of the keys adds the same to all scores of a query, and so does nothing.
    near = cosine(y, encoder_layer(SMALL, other, layer_name(0), x)) >= 0.999
    assert near == (part == "attention.self.key")


def test_steps_of_a_layer():
    lowered = lower(bert.layers(SMALL, Precision(), tokens=5))
    products = [step for step in lowered.steps if isinstance(step, Product)]
    # Six weight matrices; of each head scores and the weighted sum.
    assert len(products) == 6 + 2 * SMALL.num_attention_heads
    assert [p.transposed for p in products].count(True) == SMALL.num_attention_heads
    macs = sum(p.a.rows * p.a.columns * p.out.columns for p in products)
    assert macs == 5 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 5 * 5 * 32
    functions = [step.options.function for step in lowered.steps if isinstance(step, Pass)]
    assert functions.count(Function.EXP) == SMALL.num_attention_heads
    assert functions.count(Function.GELU) == 1
    # Input with its bias, and int8; queries, keys, values, each a product, its scaling, int8; two rows of scales. A head:
    # scores, maximum, exponentials, weights, int8, sum, scaling. Measuring and int8; product, three passes of the norm,
    # int8; product, scaling, GELU, int8; product and norm.
    assert len(lowered.steps) == 2 + 3 * 3 + 2 + 7 * SMALL.num_attention_heads + 2 + (1 + 3 + 1) + 4 + (1 + 3)
    assert {b.storage for b in lowered.buffers.values()} == {stored.INT8, stored.INT32, stored.BF16, stored.FP32}


def test_nothing_is_read_before_it_is_written():
    lowered = lower(bert.layers(SMALL, Precision(scales="head", smooth=True), tokens=5))
    there = {*lowered.constants, lowered.input.buffer.name}
    scalars: set[str] = set()
    for step in lowered.steps:
        read = (step.a, step.weights) if isinstance(step, Product) else (step.a, step.b, step.c)
        assert {m.buffer.name for m in read if m} <= there
        if isinstance(step, Pass):
            assert {s.name for s in (step.add, step.multiply) if s} <= scalars
            scalars |= {s.name for s in (step.linear, step.inverse) if s}
        if step.out:
            there.add(step.out.buffer.name)
    assert there == set(lowered.buffers)


@pytest.fixture
def model():
    try:
        return minilm.load_tensors()
    except ConfigError as missing:
        pytest.skip(str(missing))


def test_tokens_of_a_sentence(model):
    # [CLS], words in lower case, "unbelievably" in four pieces, [SEP]; neither cut nor filled to a length.
    assert minilm.tokens_of("The quick brown fox jumps over the lazy dog, unbelievably often.") == [
        101, 1996, 4248, 2829, 4419, 14523, 2058, 1996, 13971, 3899, 1010, 4895, 8671, 2666, 3567, 6321, 2411, 1012, 102,
    ]  # fmt: skip


def published() -> tuple[float, float]:
    """Return the documentation's cosine of a layer and its least cosine of embeddings for the unit as it is built."""
    row = r"\| \*\*FP32, functions by table, stored as BF16\*\* \|.*\| (\S+) \| \S+ \| (\S+) \|"
    [(layer, least)] = re.findall(row, vector_accuracy.DOCS.read_text())
    return float(layer), float(least)


def test_a_real_layer_comes_near_to_float64(model):
    assert layer_cosine(Row("", Precision())) >= 0.999
    chosen = layer_cosine(Row("", BF16))
    assert chosen >= 0.9995
    layer, _ = published()
    assert abs(layer - chosen) <= 1e-5


def test_a_layer_without_rounding_comes_nearer(model):
    least_rounded, *_, most_rounded = map(layer_cosine, vector_accuracy.CAUSES)
    assert 1 - least_rounded < (1 - most_rounded) / 3


def test_embeddings_of_sentences_come_near_to_float64(model):
    hard = ["Yes.", *SENTENCES[:2]]
    chosen = embedding_cosines(Row("", BF16), hard)
    assert min(chosen) >= 0.99
    _, least = published()
    assert min(chosen[1:]) >= least - 1e-5
    # Outliers are what the factors of columns are for.
    assert min(embedding_cosines(Row("", Precision()), hard)) < 0.99


def test_the_reference_sees_that_sentences_are_alike(model):
    def embedding(sentence: str) -> np.ndarray:
        return minilm.sentence_embedding(vector_accuracy.reference(sentence))

    one, two, three = (
        embedding(s)
        for s in ("A man is playing a guitar.", "Someone plays the guitar.", "The stock market fell sharply today.")
    )
    assert one @ two > 0.7
    assert one @ three < 0.3


def test_the_table_has_a_row_for_each_choice():
    text = vector_accuracy.DOCS.read_text()
    for row in (*vector_accuracy.UNITS, *vector_accuracy.WEIGHTS, *vector_accuracy.SCALES):
        assert f"| {row.name} |" in text
