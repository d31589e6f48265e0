"""A decoder with INT8 numbers in one place at a time: without any it is the reference, and each place loses."""

import numpy as np

from benchmarks.decoder_losses import PLACES, PartlyQuantised
from tests.mapping.models.stored_models import tensors_of
from tests.mapping.tiny_models import tiny
from tests.source_files import ROOT
from tilewright.mapping.models.reference import decoder_logits
from tilewright.mapping.precision.equalisation import equalised

PLAIN = {"attention_bias": False, "mlp_bias": False, "rope_scaling": None}
TOKENS = [5, 100, 7, 299, 0, 44, 44, 3]


def test_places_are_apart_from_each_other():
    model, tensors = tiny("llama", **PLAIN), tensors_of("llama", **PLAIN)
    exact = decoder_logits(model, tensors, TOKENS)
    assert np.abs(PartlyQuantised(model, tensors, ()).logits(TOKENS) - exact).max() < 1e-9
    changed = equalised(model, tensors, [[2, 9, 77]])
    assert np.abs(PartlyQuantised(model, changed, ()).logits(TOKENS) - exact).max() < 1e-4
    apart = [np.abs(PartlyQuantised(model, tensors, (place,)).logits(TOKENS) - exact).max() for place in PLACES]
    assert min(apart) > 1e-6
    assert len(set(apart)) == len(PLACES)


def test_the_page_has_every_place():
    page = (ROOT / "docs" / "decoder-accuracy.md").read_text()
    assert all(f"| {place} |" in page for place in [*PLACES, "all of them"])
