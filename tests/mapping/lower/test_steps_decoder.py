"""A decoder as steps that keeps keys and values: its chunks, its logits against float64, its refusals."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator
from tests.mapping.models.stored_models import tensors_of
from tests.mapping.tiny_models import OPTIONS, tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.lower import steps_decoder
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.reference import FloatDecoder, cosine
from tilewright.sim.graph.precision import Precision

RUNNABLE = [family for family in OPTIONS if family != "gemma2"]
"""Families whose scores have no soft cap."""
TOKENS = [5, 100, 7, 299, 0, 44, 44, 3, 9, 210, 17, 8, 60, 1]


@pytest.mark.parametrize(
    ("family", "arithmetic"),
    [*((family, Precision()) for family in RUNNABLE), ("phi3", accelerator()), ("mistral", accelerator())],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_logits_come_near_to_float64_and_parts_have_the_bits_of_the_whole(family, arithmetic, monkeypatch):
    model, tensors = tiny(family), tensors_of(family)
    whole = StepsDecoder(model, tensors, arithmetic, context=len(TOKENS)).logits(TOKENS)
    exact = FloatDecoder(model, tensors, context=len(TOKENS)).logits(TOKENS)
    assert whole.shape == exact.shape
    assert min(cosine(*pair) for pair in zip(whole, exact, strict=True)) > 0.998
    decoder = StepsDecoder(model, tensors, arithmetic, context=len(TOKENS))
    monkeypatch.setattr(steps_decoder, "CHUNK", 5)
    parts = [decoder.logits(TOKENS[:11]), *(decoder.logits([token]) for token in TOKENS[11:])]
    assert (np.concatenate(parts) == whole).all()
    with pytest.raises(ValueError, match="context = 14 is not enough for 1 more tokens"):
        decoder.logits([1])


def test_a_run_leaves_constants_as_they_are_and_keeps_its_own_keys_and_values():
    model, tensors = tiny("llama"), tensors_of("llama")
    decoder, other = (StepsDecoder(model, tensors, Precision(), context=4) for _ in range(2))
    before = {name: each.copy() for name, each in (decoder.constants | decoder.head_constants).items()}
    decoder.logits([1, 2, 3])
    assert all((before[name] == each).all() for name, each in (decoder.constants | decoder.head_constants).items())
    first = other.logits([4])
    assert (first == StepsDecoder(model, tensors, Precision(), context=4).logits([4])).all()
    assert (first != decoder.logits([4])).any()


def test_soft_caps_bound_logits_and_are_refused_in_scores():
    model, tensors = tiny("gemma2", attn_logit_softcapping=None, final_logit_softcapping=0.25), tensors_of("gemma2")
    logits = StepsDecoder(model, tensors, Precision(), context=4).logits(TOKENS[:4])
    assert 0.2 < np.abs(logits).max() <= 0.25
    decoder = StepsDecoder(tiny("gemma2"), tensors, Precision(), context=4)
    with pytest.raises(ConfigError, match=r"capped: no unit .* can compute a soft cap"):
        decoder.logits([1])
