"""Texts on the exact model: programs from the compiler, one after the other in one memory, against steps in numpy."""

from collections.abc import Mapping

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator
from tests.mapping.tiny_models import tiny
from tilewright.base.errors import ConfigError
from tilewright.bench.golden import predict_program
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.sampling import Sampling
from tilewright.mapping.models.seeded import seeded_model
from tilewright.mapping.writing import Writer
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

PROMPT = (7, 250, 31, 4, 99)
TOKENS = 5


def written(writer: Writer, config) -> list[np.ndarray]:
    """Write a text; return the logits that each program leaves."""
    model = AcceleratorModel(config, writer.image())
    logits = []
    for start in writer.starts():
        writer.write(model.memory, start)
        run = predict_program(model, start.program.program_address)
        assert not run.error, run
        writer.take(model.memory, start)
        if start.logits:
            logits.append(writer.decoder.logits(model.memory, start.program))
    return logits


# Sliding windows have masks of their own, and heads of 12 elements are padded.
@pytest.mark.parametrize("family", ["mistral", "phi3"])
def test_every_program_leaves_the_logits_of_the_steps(family):
    model, config = tiny(family), accelerator()
    tensors = seeded_model(model, seed=5)
    writer = Writer(config, model, tensors, PROMPT, tokens=TOKENS)
    logits = written(writer, config)
    assert writer.stop == "tokens"
    assert writer.decoder.chunk.tokens == len(PROMPT) - 1
    assert len(writer.written) == len(logits) == TOKENS
    steps = StepsDecoder(model, tensors, config, context=len(PROMPT) + TOKENS, every=writer.decoder.every)
    expected = steps.logits([*PROMPT, *writer.written[:-1]])[len(PROMPT) - 1 :]
    assert (np.array(logits) == expected.astype(np.float32)).all()
    assert writer.written == np.argmax(expected, axis=-1).tolist()


def a_writer(**options) -> Writer:
    model = tiny("qwen3", num_hidden_layers=1, rope_scaling=None)
    return Writer(accelerator(), model, seeded_model(model, seed=5), PROMPT, **{"tokens": 4, **options})


class InParts(Mapping):
    """Tensors whose embeddings and head nobody may ask for as a whole."""

    MOST_ROWS = 1024

    def __init__(self, tensors):
        self.tensors = tensors

    def __getitem__(self, name):
        assert name.startswith("model.layers.") or name == "model.norm.weight", f"{name} as a whole"
        return self.tensors[name]

    def rows(self, name, rows):
        found = self.tensors[name][rows]
        assert len(found) <= self.MOST_ROWS, f"{len(found)} rows of {name}"
        return found

    def __iter__(self):
        return iter(self.tensors)

    def __len__(self):
        return len(self.tensors)


def test_the_vocabulary_is_read_in_parts():
    model, config = tiny("llama", num_hidden_layers=1, vocab_size=3000), accelerator()
    tensors = seeded_model(model, seed=5)
    expected = Writer(config, model, tensors, PROMPT, tokens=1)
    in_parts = Writer(config, model, InParts(tensors), PROMPT, tokens=1)
    assert (written(in_parts, config)[0] == written(expected, config)[0]).all()
    assert (in_parts.image() == expected.image()).all()


def test_a_text_ends_with_a_token_that_ends_it_or_where_the_cache_is_full():
    whole = a_writer()
    written(whole, accelerator())
    third = whole.written[2]
    first = whole.written.index(third)
    ended = a_writer(ends=frozenset({third}))
    written(ended, accelerator())
    assert (ended.written, ended.stop) == (whole.written[: first + 1], "end of text")
    full = a_writer(capacity=len(PROMPT) + 1)
    written(full, accelerator())
    assert (full.written, full.stop) == (whole.written[:2], "capacity")


def test_tokens_are_drawn_by_the_rule():
    drawn = [a_writer(sampling=Sampling(temperature=2.0, seed=seed)) for seed in (1, 1, 2)]
    for writer in drawn:
        written(writer, accelerator())
    assert drawn[0].written == drawn[1].written != drawn[2].written


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity": 4}, "prompt has 5 tokens, and there is room for 4"),
        ({"capacity": 65}, "capacity = 65 is not allowed: 1 to 64, the positions of the model"),
        ({"capacity": 0}, "capacity = 0 is not allowed"),
    ],
)
def test_a_text_without_room_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        a_writer(**options)


def test_an_empty_prompt_is_refused():
    model = tiny("qwen3")
    with pytest.raises(ConfigError, match="prompt is empty"):
        Writer(accelerator(), model, {}, (), tokens=1)
