"""Measures of a decoder against float64: their values on logits that are known, and what faults do to them."""

import dataclasses
import math

import numpy as np
import pytest

from tests.mapping.models.stored_models import tensors_of
from tests.mapping.tiny_models import tiny
from tilewright.mapping.lower import comparison
from tilewright.mapping.lower.comparison import Comparison, compare
from tilewright.mapping.models.llama import HEAD, layer_name
from tilewright.mapping.models.reference import FloatDecoder
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

TOKENS = [5, 100, 7, 299, 0, 44, 44, 3, 9, 210, 17, 8, 60, 1]
MODEL, TENSORS = tiny("llama"), tensors_of("llama")


class Fixed:
    """A decoder with logits of its own."""

    def __init__(self, model, tensors, *args, context, precision=None):
        self.rows = iter(tensors["rows"])

    def logits(self, tokens):
        rows = np.array([next(self.rows) for _ in tokens])
        self.layer_outputs = [rows] * MODEL.num_hidden_layers
        return rows


def test_measures_of_logits_that_are_known(monkeypatch):
    monkeypatch.setattr(comparison, "FloatDecoder", Fixed)
    monkeypatch.setattr(comparison, "StepsDecoder", Fixed)
    exact = np.log([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.1, 0.1, 0.8]])
    found = np.log([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]) + 3.0
    measured = compare(MODEL, {"rows": exact}, [0, 1, 1], Precision(), quantised={"rows": found})
    assert measured.tokens == 3
    assert measured.agreement == pytest.approx(2 / 3)
    assert measured.first_divergence == 1
    assert measured.kl == pytest.approx((0.25 * math.log(0.5) + 0.5 * math.log(2)) / 3)
    assert measured.float_perplexity == pytest.approx((0.25 * 0.5) ** -0.5)
    assert measured.perplexity == pytest.approx((0.25 * 0.25) ** -0.5)
    assert measured.layer_cosines == pytest.approx([1.0] * MODEL.num_hidden_layers)
    turned = compare(MODEL, {"rows": exact}, [0, 1, 1], Precision(), quantised={"rows": -exact})
    assert turned.agreement == 0


def test_int8_is_nearer_than_int4_and_a_text_in_pieces_begins_anew():
    eight, four = (compare(MODEL, TENSORS, TOKENS, Precision(weights=each)) for each in (stored.INT8, stored.INT4))
    assert 0 < eight.kl < four.kl
    assert eight.float_perplexity == four.float_perplexity
    assert all(a > b for a, b in zip(eight.layer_cosines, four.layer_cosines, strict=True))
    pieces = compare(MODEL, TENSORS, TOKENS, Precision(), context=8, first=2)
    assert pieces.tokens == len(TOKENS) + 1
    parts = [TOKENS[:8], [2, *TOKENS[8:]]]
    losses = []
    for part in parts:
        logits = FloatDecoder(MODEL, TENSORS, context=len(part)).logits(part)
        found = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        losses += [-found[index, token] for index, token in enumerate(part[1:])]
    assert pieces.float_perplexity == pytest.approx(math.exp(np.mean(losses)))


def test_planted_faults_are_seen():
    """A transposed head, and two heads of one layer that are exchanged."""
    good = compare(MODEL, TENSORS, TOKENS, Precision())
    head = f"{HEAD}.weight"
    shuffled = compare(MODEL, TENSORS, TOKENS, Precision(), quantised={**TENSORS, head: TENSORS[head][::-1].copy()})
    assert shuffled.agreement < 0.2 < good.agreement
    assert shuffled.first_divergence == 0
    assert shuffled.kl > 100 * good.kl
    output = layer_name(1, "mlp.down_proj.weight")
    compared = compare(MODEL, TENSORS, TOKENS, Precision(), quantised={**TENSORS, output: -TENSORS[output]})
    # The reference of layers has the tensors of the decoder; that of logits has not.
    assert min(compared.layer_cosines) > 0.99
    assert compared.kl > 10 * good.kl


def test_a_text_without_a_next_token_is_refused():
    with pytest.raises(ValueError, match="a text of 1 tokens has no next token"):
        compare(MODEL, TENSORS, [1], Precision())


def test_the_names_of_json():
    keys = compare(MODEL, TENSORS, TOKENS[:3], Precision()).to_dict()
    assert list(keys) == [each.name for each in dataclasses.fields(Comparison)]
    assert isinstance(keys["layer_cosines"], list)
    assert {"agreement", "perplexity", "float_perplexity", "first_divergence", "kl", "layer_cosines"} < set(keys)
