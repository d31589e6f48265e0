"""The float64 reference: parts of a text, and the text that llama2.c documents for a real model."""

import numpy as np
import pytest

from tests.mapping.models.stored_models import tensors_of
from tests.mapping.models.stories import NEEDS_STORIES, STORIES
from tests.mapping.tiny_models import OPTIONS, tiny
from tilewright.mapping.models.bert import layer_name
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.models.reference import ATTENTION_INPUTS, FloatDecoder, decoder_logits, encoder_layer, seen
from tilewright.mapping.models.seeded import seeded_encoder

DOCUMENTED = """\
Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. \
She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your \
ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she"""
"""Text that llama2.c (test_all.py) expects of stories260K: the most probable token, 200 times, after no prompt."""


@pytest.mark.parametrize("family", OPTIONS)
def test_a_text_in_parts_has_the_logits_of_the_whole(family):
    model, tensors = tiny(family), tensors_of(family)
    tokens = [5, 100, 7, 299, 0, 44, 44, 3, 9, 210, 17, 8, 60, 1]
    whole = decoder_logits(model, tensors, tokens)
    decoder = FloatDecoder(model, tensors, context=len(tokens))
    parts = [decoder.logits(tokens[:6]), *(decoder.logits([token]) for token in tokens[6:])]
    assert np.concatenate(parts) == pytest.approx(whole, rel=1e-9, abs=1e-9)
    with pytest.raises(ValueError, match="context = 14 is not enough for 1 more tokens"):
        decoder.logits([1])


def test_positions_that_are_seen():
    assert seen(3, 0, 1).astype(int).tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert seen(3, 2, 1).astype(int).tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]


def test_the_window_decides_what_a_token_sees():
    """A token outside of the window of every layer, and of the windows of the tokens in it, has no effect."""
    model = tiny("mistral", sliding_window=3, num_hidden_layers=2)
    tensors = tensors_of("mistral", sliding_window=3, num_hidden_layers=2)
    one, other = (decoder_logits(model, tensors, [first, 2, 3, 4, 5, 6]) for first in (1, 200))
    # The last token sees positions 3 to 5, and these see 1 to 5.
    assert (one[5] == other[5]).all()
    assert np.abs(one[4] - other[4]).max() > 1e-3


@pytest.mark.parametrize("family", OPTIONS)
def test_inputs_go_through_a_function_that_may_change_them(family):
    model, tensors, tokens = tiny(family), tensors_of(family), [5, 100, 7, 299, 0]
    names = []

    def same(name: str, values: np.ndarray) -> np.ndarray:
        names.append(name)
        return values

    wanted = decoder_logits(model, tensors, tokens)
    assert (FloatDecoder(model, tensors, context=5, on_input=same).logits(tokens) == wanted).all()
    assert len(names) == len(set(names)) == 11 * model.num_hidden_layers + 1
    for name in names:

        def other(found: str, values: np.ndarray, name: str = name) -> np.ndarray:
            return np.roll(values, 1, axis=-1) if found == name else values

        assert np.abs(FloatDecoder(model, tensors, context=5, on_input=other).logits(tokens) - wanted).max() > 1e-6, (
            name
        )


def test_texts_of_an_encoder_do_not_see_each_other():
    model = BertConfig(vocab_size=16, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4)
    tensors, prefix = seeded_encoder(model, seed=1), layer_name(0)
    x = np.random.default_rng(1).standard_normal((12, 32))
    texts, names = (slice(0, 5), slice(5, 6), slice(6, 12)), []

    def note(name: str, values: np.ndarray) -> np.ndarray:
        names.append(name.removeprefix(prefix))
        return values

    together = encoder_layer(model, tensors, prefix, x, texts=texts, on_input=note)
    apart = np.concatenate([encoder_layer(model, tensors, prefix, x[rows]) for rows in texts])
    assert together == pytest.approx(apart, rel=1e-12, abs=1e-12)
    assert np.abs(encoder_layer(model, tensors, prefix, x) - apart).max() > 1e-3
    assert set(ATTENTION_INPUTS) < set(names)


@NEEDS_STORIES
def test_stories260k_tells_the_documented_story():
    checkpoint = read_model(STORIES)
    assert checkpoint.model.parameters == 260_032
    tensors = dict(checkpoint.tensors.items())
    decoder = FloatDecoder(checkpoint.model, tensors, context=200)
    tokens = checkpoint.tokenizer.encode("")
    for _ in range(200):
        tokens.append(int(decoder.logits(tokens[-1:])[0].argmax()))
    assert checkpoint.tokenizer.decode(tokens) == DOCUMENTED
