"""The float64 reference of decoders beside a runtime by others."""

import os
import sys

import pytest

from benchmarks.decoder_peer import compare
from tests.mapping.models.stories import NEEDS_STORIES, STORIES

PEER = os.environ.get("CTRANSLATE2_PYTHON", "")


@pytest.mark.slow
@pytest.mark.skipif(not PEER, reason="CTRANSLATE2_PYTHON names no interpreter of an environment with ctranslate2")
@NEEDS_STORIES
def test_logits_of_stories_are_those_of_the_runtime(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["compare", str(STORIES), "--peer", PEER, "--tokens", "64"])
    assert compare.main() == 0
    assert "64 tokens" in capsys.readouterr().out
    # A difference that rounding does not explain is seen.
    monkeypatch.setattr(compare, "LARGEST", 1e-9)
    assert compare.main() == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nothing", "nothing: is not a model"),
        ("slate-132k", "'day,' is not allowed: the tokenizer has no token for it"),
    ],
)
def test_a_model_that_cannot_be_compared_is_refused(monkeypatch, model, message):
    monkeypatch.setattr(sys, "argv", ["compare", model, "--peer", "python"])
    with pytest.raises(SystemExit) as error:
        compare.main()
    assert message in str(error.value)
